"""Technical analysis of one market panel: definitions as data, computations as small pure
functions.

`catalogue` says what every indicator is; `bars` finds the bars that can be analysed. Indicators are
computed in three modules: `studies` makes one ticker's lines with TA-Lib, `whole_market` what is
faster for all tickers at once, `derived` what is made of their last values. `signals`, `patterns`
and `ranks` read them; `documentation` prints the catalogues.
"""
