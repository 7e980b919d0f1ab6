"""Imports pandas outside a kernel as it is in one: there it takes no terminal for granted."""

import pandas as pd

pd.set_option("display.max_columns", 20)
