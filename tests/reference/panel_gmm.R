# Difference GMM by plm, whose coefficients and standard errors are an independent oracle. Its tests of autocorrelation
# are not (wrong in plm 2.6-2), nor is its system GMM (no constant). Run in this folder: Rscript panel_gmm.R
suppressMessages(library(plm))
library(jsonlite)

read <- function(name) read.csv(file.path("..", "..", "models", "panel", "data", paste0(name, ".csv")))
empl <- read("EmplUK")
produc <- read("Produc")

report <- function(fit) {
  # vcovHC: the robust covariance after one step, Windmeijer's correction after two
  list(
    coefficients = unname(coef(fit)),
    std_errors = unname(sqrt(diag(vcovHC(fit)))),
    n_instruments = ncol(fit$W[[1]])
  )
}

gmm <- function(formula, data, index, ...) report(pgmm(formula, data = pdata.frame(data, index), ...))
firms <- function(formula, ...) gmm(formula, empl, c("firm", "year"), effect = "individual", ...)
states <- function(formula, ...) gmm(formula, produc, c("state", "year"), effect = "individual", ...)

difference <- log(emp) ~ lag(log(emp), 1) + log(wage) + log(capital) |
  lag(log(emp), 2:4) + lag(log(wage), 2:3) + lag(log(capital), 2:3)
growth <- log(gsp) ~ lag(log(gsp), 1) + log(pcap) + log(emp) | lag(log(gsp), 2:4) + lag(log(pcap), 2:3) + lag(log(emp), 1:2)
result <- list(
  empluk_difference_two = firms(difference, model = "twosteps"),
  empluk_difference_one = firms(difference, model = "onestep"),
  empluk_difference_collapsed = firms(difference, model = "twosteps", collapse = TRUE),
  produc_difference_one = states(growth, model = "onestep", collapse = TRUE),
  produc_difference_two = states(growth, model = "twosteps", collapse = TRUE)
)
writeLines(toJSON(result, digits = 12, auto_unbox = TRUE, pretty = TRUE), "panel_gmm.json")
