"""Do the printed numbers agree with one another? Consistency checks with certified rounding bounds."""
