# Log density of a cumulative logit with a monotonic effect at fixed parameters, from the Stan program of brms:
# y ~ mo(x), normal(0, 1) on the coefficient, normal(0, 3) on thresholds, Dirichlet(1, 1, 1) on the simplex, no Jacobians.
# Densities are relative to the first point, because constants are left out.
# Run: Rscript monotonic_brms.R > monotonic_brms.json
suppressPackageStartupMessages(library(brms))
rstan::rstan_options(boost_lib = "/usr/include")  # where Debian keeps it
set.seed(3)
n <- 60
x <- sample(0:3, n, replace = TRUE)
y <- findInterval(c(0, 0.8, 0.9, 1.5)[x + 1] + rlogis(n), c(-0.5, 0.7, 1.8)) + 1
data <- data.frame(y = y, x = x)
priors <- c(prior(normal(0, 1), class = b), prior(normal(0, 3), class = Intercept))
fit <- suppressMessages(suppressWarnings(
  brm(y ~ mo(x), data, cumulative("logit"), priors, chains = 1, iter = 20, refresh = 0, seed = 1, silent = 2)
))
stan <- fit$fit
points <- list(
  list(Intercept = c(-1, 0.5, 2), bsp = array(0, 1), simo_1 = c(1, 1, 1) / 3),
  list(Intercept = c(-1, 0.5, 2), bsp = array(0.7, 1), simo_1 = c(1, 1, 1) / 3),
  list(Intercept = c(-0.3, 0.4, 1.1), bsp = array(0.4, 1), simo_1 = c(0.7, 0.1, 0.2)),
  list(Intercept = c(-2, -1, 0.2), bsp = array(-0.9, 1), simo_1 = c(0.05, 0.9, 0.05)),
  list(Intercept = c(0, 1.5, 3), bsp = array(1.6, 1), simo_1 = c(0.2, 0.5, 0.3))
)
value <- sapply(points, function(p) {
  p$disc <- NULL
  rstan::log_prob(stan, rstan::unconstrain_pars(stan, p), adjust_transform = FALSE)
})
row <- function(v) paste0("[", paste(format(v, digits = 12, trim = TRUE), collapse = ", "), "]")
cat("{\n  \"brms\": \"", as.character(packageVersion("brms")), "\",\n", sep = "")
cat("  \"x\": ", row(x), ",\n  \"y\": ", row(y), ",\n  \"points\": [\n", sep = "")
lines <- mapply(function(p, v) {
  sprintf('    {"threshold": %s, "b": %s, "simplex": %s, "log_density": %s}', row(p$Intercept), format(p$bsp[1]),
    row(p$simo_1), format(v - value[1], digits = 12))
}, points, value)
cat(paste(lines, collapse = ",\n"), "\n  ]\n}\n", sep = "")
