# Difference and system GMM by plm, whose coefficients, standard errors and Sargan statistics are an independent oracle
# (its tests of autocorrelation are not: plm 2.6-2 has them wrong). Run in this folder: Rscript panel_gmm.R
suppressMessages(library(plm))
library(jsonlite)

read <- function(name) read.csv(file.path("..", "..", "models", "panel", "data", paste0(name, ".csv")))
empl <- read("EmplUK")
produc <- read("Produc")

report <- function(fit) {
  # vcovHC: the robust covariance after one step, Windmeijer's correction after two
  list(
    names = names(fit$coefficients[[length(fit$coefficients)]]),
    coefficients = unname(coef(fit)),
    model_se = unname(sqrt(diag(vcov(fit)))),
    robust_se = unname(sqrt(diag(vcovHC(fit)))),
    n_instruments = ncol(fit$W[[1]])
  )
}

gmm <- function(formula, data, index, ...) report(pgmm(formula, data = pdata.frame(data, index), ...))
firms <- function(formula, ...) gmm(formula, empl, c("firm", "year"), effect = "individual", ...)
states <- function(formula, ...) gmm(formula, produc, c("state", "year"), effect = "individual", ...)

difference <- log(emp) ~ lag(log(emp), 1) + log(wage) + log(capital) |
  lag(log(emp), 2:4) + lag(log(wage), 2:3) + lag(log(capital), 2:3)
growth <- log(gsp) ~ lag(log(gsp), 1) + log(pcap) + log(emp) | lag(log(gsp), 2:4) + lag(log(pcap), 2:3) + lag(log(emp), 1:2)
system <- log(emp) ~ lag(log(emp), 1) + log(wage) + log(capital) |
  lag(log(emp), 2:99) + lag(log(wage), 2:99) + lag(log(capital), 2:99)

result <- list(
  empluk_difference_two = firms(difference, model = "twosteps"),
  empluk_difference_one = firms(difference, model = "onestep"),
  empluk_difference_collapsed = firms(difference, model = "twosteps", collapse = TRUE),
  produc_difference_one = states(growth, model = "onestep", collapse = TRUE),
  produc_difference_two = states(growth, model = "twosteps", collapse = TRUE),
  empluk_system_one = firms(system, model = "onestep", transformation = "ld"),
  empluk_system_two = firms(system, model = "twosteps", transformation = "ld"),
  empluk_system_collapsed = firms(system, model = "twosteps", transformation = "ld", collapse = TRUE)
)
writeLines(toJSON(result, digits = 12, auto_unbox = TRUE, pretty = TRUE), "panel_gmm.json")
