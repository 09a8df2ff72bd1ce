# What survey_speed.py compares with in R; prints one line of JSON.
# Rscript survey_peers.R clm FILE | clmm FILE | brms FILE
suppressMessages(library(jsonlite))

arguments <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(arguments[2], stringsAsFactors = TRUE)
rows$y <- factor(rows$y, ordered = TRUE)
terms <- grep("^x[0-9]+$", names(rows), value = TRUE)
fixed <- paste("y ~", paste(terms, collapse = " + "))
mixed <- as.formula(paste(fixed, "+ (1 | village)"))

seconds <- function(expression) system.time(expression)[["elapsed"]]

result <- switch(arguments[1],
  clm = {
    suppressMessages(library(ordinal))
    fit <- clm(as.formula(fixed), data = rows)
    times <- replicate(7, seconds(clm(as.formula(fixed), data = rows)))
    # the information matrix is part of the fit; summary() adds no computing worth timing
    list(seconds = median(times), estimates = unname(coef(fit)), log_likelihood = as.numeric(logLik(fit)),
         version = as.character(packageVersion("ordinal")))
  },
  clmm = {
    suppressMessages(library(ordinal))
    time <- seconds(fit <- clmm(mixed, data = rows))
    list(seconds = time, estimates = c(unname(coef(fit)), attr(VarCorr(fit)$village, "stddev")[[1]]),
         log_likelihood = as.numeric(logLik(fit)), version = as.character(packageVersion("ordinal")))
  },
  brms = {
    suppressMessages(library(brms))
    rows[terms] <- scale(rows[terms])  # the horseshoe's scale is meant for standardised predictors
    prior <- set_prior("horseshoe(df = 1, df_global = 1, df_slab = 4, scale_slab = 2, par_ratio = 1 / 3)", class = "b")
    total <- seconds(
      fit <- brm(mixed, data = rows, family = cumulative("logit"), prior = prior, chains = 2, cores = 2,
                 iter = 1200, warmup = 600, seed = 1, refresh = 0, control = list(adapt_delta = 0.9))
    )
    # chains run side by side: the slower one counts, warm-up included
    sampling <- max(rowSums(rstan::get_elapsed_time(fit$fit)))
    draws <- posterior::as_draws_array(fit)
    draws <- draws[, , grep("^(b_|sd_village__)", posterior::variables(draws))]
    ess <- posterior::summarise_draws(draws, ess = posterior::ess_bulk)$ess
    list(sampling_seconds = sampling, total_seconds = total, ess = min(ess), n_parameters = length(ess),
         divergences = sum(subset(nuts_params(fit), Parameter == "divergent__")$Value),
         version = as.character(packageVersion("brms")))
  }
)
cat("RESULT", toJSON(result, auto_unbox = TRUE, digits = NA), "\n", sep = "")
