# What panel_speed.py compares with in R: the same hierarchical panel in brms, unit effects sampled.
# Rscript panel_speed.R FILE CHAINS ITERATIONS prints one line of JSON. Columns of FILE: y, x1, x2, ... (slopes vary by
# region), w1, w2, ... (they do not), unit, region, time. Compilation is not counted.
suppressMessages({library(brms); library(jsonlite)})

arguments <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(arguments[1])
n_chains <- as.integer(arguments[2])
slopes <- paste(grep("^x", names(rows), value = TRUE), collapse = " + ")
shared <- paste(grep("^w", names(rows), value = TRUE), collapse = " + ")
formula <- as.formula(paste("y ~", slopes, "+", shared, "+ (1 +", slopes, "|| region) + (1 | unit) + (1 | time)"))
priors <- c(prior(normal(0, 1), class = b), prior(normal(0, 1), class = sd), prior(normal(0, 1), class = sigma))
invisible(capture.output(suppressMessages(
  fit <- brm(formula, data = rows, prior = priors, chains = n_chains, iter = as.integer(arguments[3]), cores = n_chains,
             seed = 1, refresh = 0, control = list(adapt_delta = 0.9))
)))
draws <- posterior::as_draws_array(fit, variable = c("^b_", "^sd_", "^sigma"), regex = TRUE)
seconds <- max(rowSums(rstan::get_elapsed_time(fit$fit)))  # chains ran side by side
smallest <- min(apply(draws, 3, posterior::ess_bulk))
cat(toJSON(list(ess = smallest, seconds = seconds, version = as.character(packageVersion("brms"))), auto_unbox = TRUE))
