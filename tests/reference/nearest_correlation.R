# The correlation matrix nearest to the survey study's printed Table 2, by the Matrix package (Higham 2002).
# Rscript tests/reference/nearest_correlation.R > tests/reference/nearest_correlation.json   (from the repository root)
printed <- read.csv("models/survey/tables/table2.csv", colClasses = "character")
cells <- data.frame(
  row = as.integer(printed$row), column = as.integer(printed$column), r = as.numeric(gsub("\\*", "", printed$printed))
)
target <- diag(14)
target[cbind(cells$row, cells$column)] <- cells$r
target[cbind(cells$column, cells$row)] <- cells$r
nearest <- Matrix::nearPD(
  target, corr = TRUE, do2eigen = FALSE, posd.tol = 0, eig.tol = 0, conv.tol = 1e-13, conv.norm.type = "M", maxit = 1e5
)
stopifnot(nearest$converged)
write_row <- function(values) paste0("  [", paste(format(values, digits = 12, trim = TRUE), collapse = ", "), "]")
rows <- apply(as.matrix(nearest$mat), 1, write_row)
cat("{\n \"made_with\": \"", R.version.string, ", Matrix ", as.character(packageVersion("Matrix")), "\",\n", sep = "")
cat(" \"nearest\": [\n", paste(rows, collapse = ",\n"), "\n ]\n}\n", sep = "")
