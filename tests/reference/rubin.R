# Rubin's rules with the degrees of freedom of Barnard & Rubin (1999), written out from the formulas, on the means and
# standard errors of five imputations printed in SAS/STAT's MIANALYZE documentation (fitness data, 31 men: 30 degrees
# of freedom): "Reading Means and Standard Errors from a DATA= Data Set", support.sas.com/documentation.
# Run: Rscript rubin.R > rubin.json
estimate <- rbind(
  c(47.0120, 10.4441, 171.216), c(47.2407, 10.5040, 171.244), c(47.4995, 10.5922, 171.909),
  c(47.1485, 10.5279, 171.146), c(47.0042, 10.4913, 172.072)
)
std_error <- rbind(
  c(0.95984, 0.28520, 1.59910), c(0.93540, 0.26661, 1.75638), c(1.00766, 0.26302, 1.85795),
  c(0.95439, 0.26405, 1.75011), c(0.96528, 0.27275, 1.84807)
)
m <- nrow(estimate)
complete <- 30
between <- apply(estimate, 2, var)
within <- colMeans(std_error^2)
total <- within + (1 + 1 / m) * between
r <- (1 + 1 / m) * between / within
old <- (m - 1) * (1 + 1 / r)^2
gamma <- (1 + 1 / m) * between / total
observed <- (1 - gamma) * complete * (complete + 1) / (complete + 3)
new <- 1 / (1 / old + 1 / observed)
fraction <- (r + 2 / (new + 3)) / (r + 1)
row <- function(x) paste0("[", paste(formatC(x, digits = 12, format = "g"), collapse = ", "), "]")
rows <- function(x) paste0("[", paste(apply(x, 1, row), collapse = ", "), "]")
cat("{\n")
cat('  "estimates": ', rows(estimate), ',\n  "std_errors": ', rows(std_error), ',\n  "complete_df": ', complete, ",\n", sep = "")
for (name in c("between", "within", "total", "r", "old", "new", "fraction")) {
  cat('  "', name, '": ', row(get(name)), ",\n", sep = "")
}
cat('  "efficiency": ', row(1 / (1 + fraction / m)), "\n}\n", sep = "")
