# What gmm_speed.py compares with in R: Roodman's specification by plm, two-step, with its summary (robust tests).
# Rscript gmm_speed.R FILE REPEATS prints one line of JSON.
suppressMessages({library(plm); library(jsonlite)})

arguments <- commandArgs(trailingOnly = TRUE)
rows <- pdata.frame(read.csv(arguments[1]), index = c("firm", "year"))
formula <- n ~ lag(n, 1) + lag(w, 0:1) + lag(k, 0:1) | lag(n, 2:99) + lag(w, 2:99) + lag(k, 2:99)
seconds <- function(expression) system.time(expression)[["elapsed"]]
once <- function() seconds({
  fit <<- pgmm(formula, data = rows, effect = "twoways", model = "twosteps", transformation = "ld")
  summary(fit, robust = TRUE)
})
times <- replicate(as.integer(arguments[2]), once())
cat(toJSON(list(seconds = median(times), version = as.character(packageVersion("plm"))), auto_unbox = TRUE, digits = 9))
