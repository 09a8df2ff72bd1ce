"""Log-likelihoods of ordinal rows as compiled loops: value and gradient in one pass over the data."""
