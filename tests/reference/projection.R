# Augmented-data projection by ordinal::clm: every row K times, once with each category, weighted by the reference
# model's probability of it. Rscript projection.R > projection.json
library(ordinal)
data <- read.csv("../../models/survey/data/wine.csv")
data$judge <- factor(data$judge)
data$warm <- as.numeric(data$temp == "warm")
data$yes <- as.numeric(data$contact == "yes")
theta <- c(-1.3, 1.2, 3.4, 5.0)
beta <- c(2.5, 1.5)
judge <- c(1.2, -0.4, 0.7, -0.1, 0.5, 0.9, -1.4, -0.2, -1.2)
eta <- beta[1] * data$warm + beta[2] * data$yes + judge[data$judge]
project <- function(link, formula) {
  cdf <- switch(link, logit = plogis, probit = pnorm, cloglog = function(e) 1 - exp(-exp(e)))
  below <- sapply(theta, function(cut) cdf(cut - eta))
  p <- cbind(below, 1) - cbind(0, below)
  augmented <- data[rep(seq_len(nrow(data)), each = 5), c("warm", "yes", "judge")]
  augmented$y <- factor(rep(1:5, nrow(data)), ordered = TRUE)
  augmented$p <- as.vector(t(p))
  fit <- suppressWarnings(clm(formula, data = augmented, weights = p, link = link,
                              control = clm.control(gradTol = 1e-12, maxIter = 200)))
  kl <- (sum(ifelse(p > 0, p * log(p), 0)) - as.numeric(logLik(fit))) / nrow(data)
  list(threshold = unname(fit$alpha), beta = unname(fit$beta), kl = kl)
}
number <- function(x) if (is.null(x)) "[]" else paste0("[", paste(format(x, digits = 12, trim = TRUE), collapse = ", "), "]")
entry <- function(name, link, formula) {
  found <- project(link, formula)
  cat(sprintf('  "%s": {"threshold": %s, "beta": %s, "kl": %s}', name, number(found$threshold), number(found$beta),
              format(found$kl, digits = 12)))
}
cat("{\n")
entry("logit_warm", "logit", y ~ warm); cat(",\n")
entry("logit_none", "logit", y ~ 1); cat(",\n")
entry("logit_warm_judge", "logit", y ~ warm + judge); cat(",\n")
entry("probit_yes", "probit", y ~ yes); cat(",\n")
entry("cloglog_warm", "cloglog", y ~ warm); cat("\n}\n")
