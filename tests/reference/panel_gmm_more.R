# Difference and system GMM by plm on a panel with many instruments for its 48 units and on one with gaps: coefficients,
# robust (one step) or Windmeijer-corrected (two steps) standard errors and Hansen's J. plm's system GMM has a constant
# only beside time dummies, which are then instruments of the level equation alone. Left out: its tests of
# autocorrelation (wrong in plm 2.6-2); difference GMM without collapse or time effects on Produc, whose singular
# two-step weight plm inverts back, so that its standard errors depend on the tolerance of the generalised inverse.
# Run in this folder: Rscript panel_gmm_more.R
suppressMessages(library(plm))
library(jsonlite)

read <- function(name) read.csv(file.path("..", "..", "models", "panel", "data", paste0(name, ".csv")))
empl <- read("EmplUK")
start <- ave(empl$year, empl$firm, FUN = min)
end <- ave(empl$year, empl$firm, FUN = max)
# rows lost in the middle of a firm's years, by a rule that the test can repeat
lost <- empl$year > start + 1 & empl$year < end - 1 & (7 * empl$firm + 3 * empl$year) %% 11 < 2
frames <- list(
  EmplUK = pdata.frame(empl[!lost, ], c("firm", "year")),
  Produc = pdata.frame(read("Produc"), c("state", "year"))
)

formulas <- list(
  EmplUK = log(emp) ~ lag(log(emp), 1) + log(wage) + log(capital) |
    lag(log(emp), 2:4) + lag(log(wage), 2:4) + lag(log(capital), 2:4),
  Produc = log(gsp) ~ lag(log(gsp), 1) + log(emp) + log(pcap) |
    lag(log(gsp), 2:3) + lag(log(emp), 2:3) + lag(log(pcap), 2:3)
)

report <- function(source, model, collapse, effect, transformation) {
  fit <- pgmm(formulas[[source]],
    data = frames[[source]], effect = effect, model = model, collapse = collapse, transformation = transformation
  )
  list(
    source = source, steps = if (model == "onestep") "one" else "two", collapse = collapse,
    time_effects = effect == "twoways", system = transformation == "ld",
    coefficients = unname(coef(fit))[1:3],
    std_errors = unname(sqrt(diag(vcovHC(fit))))[1:3],
    hansen = unname(sargan(fit)$statistic), df = unname(sargan(fit)$parameter),
    n_instruments = ncol(fit$W[[1]])
  )
}

result <- list()
for (source in names(frames)) for (model in c("onestep", "twosteps")) for (collapse in c(FALSE, TRUE)) {
  result <- c(result, list(report(source, model, collapse, "twoways", "d")))
  result <- c(result, list(report(source, model, collapse, "twoways", "ld")))
  if (collapse || source == "EmplUK") result <- c(result, list(report(source, model, collapse, "individual", "d")))
}
writeLines(toJSON(result, digits = 12, auto_unbox = TRUE, pretty = TRUE), "panel_gmm_more.json")
