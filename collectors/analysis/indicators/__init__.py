"""Technical analysis of one market panel: definitions as data, computations as small pure
functions.

`catalogue` says what every indicator is; `bars` finds the bars that can be analysed; `studies`
computes one ticker's lines with TA-Lib; `market` computes what is faster for all tickers at once;
`signals`, `patterns` and `ranks` read them; `documentation` prints the catalogues.
"""
