"""Care of data sets of sample files: check, mend, count, look at, cut, join, compare, fetch. One file per deed."""
