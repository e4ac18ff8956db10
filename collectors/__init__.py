"""What the exchange shows and what is made of it. Imports `utils`; only the scripts import this package."""
