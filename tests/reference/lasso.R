# glmnet's numbers for the Lasso tests (glmnet 4.1-6, R 4.2.2). Run in this folder: Rscript lasso.R > lasso.json
# The data are made by arithmetic that R and NumPy do alike (tests/survey/frequentist/lasso_data.py), or are wine.csv.
suppressMessages({library(glmnet); library(jsonlite)})
uniform <- function(n, stream) (((1:n)^2) * sqrt(stream)) %% 1
primes <- c(2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)

survey <- function(n) {                        # 14 correlated scores 1..5, an outcome of 6 levels
  x <- sapply(2:15, function(j) floor(5 * (0.45 * uniform(n, primes[1]) + 0.55 * uniform(n, primes[j]))) + 1)
  effect <- c(0.6, -0.5, 0.4, 0.3, -0.2, 0.15, 0.1, 0.05, rep(0, 6))
  centred <- 2 * uniform(n, primes[16]) - 1
  latent <- x %*% effect + 3 * centred / (1.02 - centred^2)
  y <- as.numeric(findInterval(latent, c(-1, 1, 2, 3.2, 5)) + 1)
  list(x = x, y = y, weights = floor(4 * uniform(n, 59)), folds = (0:(n - 1)) %% 10 + 1)
}
near <- function(n) {                          # predictors that nearly repeat one another
  base <- uniform(n, 2)
  x <- cbind(base, base + 1e-3 * uniform(n, 3), base + 1e-3 * uniform(n, 5), uniform(n, 7), 4)
  list(x = x, y = as.numeric(base + 0.5 * x[, 4] + 0.3 * uniform(n, 11)))
}
wide <- function(n, p) {                       # fewer rows than predictors
  x <- sapply(1:p, function(j) uniform(n, primes[1] + j * sqrt(3)))
  list(x = x, y = as.numeric(2 * x[, 1] - 3 * x[, 5] + 0.1 * uniform(n, 2)))
}
path <- function(fit, rows) list(
  n_lambda = length(fit$lambda), lambda = fit$lambda, df = fit$df, dev_ratio = fit$dev.ratio, rows = rows - 1,
  coefficients = unname(as.matrix(t(fit$beta)))[rows, ], intercepts = unname(fit$a0)[rows])
curve <- function(cv) list(mean = cv$cvm, se = cv$cvsd, lambda_min = cv$lambda.min, lambda_1se = cv$lambda.1se,
                           min_index = unname(cv$index[1, 1]) - 1, one_se_index = unname(cv$index[2, 1]) - 1)
tight <- 1e-22
some <- function(fit) unique(round(seq(1, length(fit$lambda), length.out = 12)))
out <- list()

d <- survey(10808)
out$survey_sums <- c(colSums(d$x), sum(d$y), sum(d$x[, 3] * d$y), sum(d$weights))
fit <- glmnet(d$x, d$y, thresh = tight)
out$survey <- path(fit, some(fit))
fit <- glmnet(d$x, d$y, weights = d$weights, thresh = tight)
out$survey_weights <- path(fit, some(fit))
out$survey_cv <- curve(cv.glmnet(d$x, d$y, foldid = d$folds, thresh = tight))
out$survey_weights_cv <- curve(cv.glmnet(d$x, d$y, weights = d$weights, foldid = d$folds, thresh = tight))
given <- c(0.3, 0.1, 0.03, 0.01, 0)
out$survey_given <- path(glmnet(d$x, d$y, lambda = given, thresh = tight), 1:5)
out$survey_given_cv <- curve(cv.glmnet(d$x, d$y, lambda = given, foldid = d$folds, thresh = tight))

d <- near(500)
fit <- glmnet(d$x, d$y, thresh = 1e-18, maxit = 1e9)
out$near <- path(fit, some(fit))
d <- wide(60, 90)
fit <- glmnet(d$x, d$y, thresh = 1e-16, maxit = 1e8)
out$wide <- path(fit, some(fit))

wine <- read.csv("../../models/survey/data/wine.csv")
x <- cbind(warm = wine$temp == "warm", contact = wine$contact == "yes", bottle = as.numeric(wine$bottle)) + 0
fit <- glmnet(x, wine$rating, thresh = tight)
out$wine <- path(fit, some(fit))
out$wine_cv <- curve(suppressWarnings(cv.glmnet(x, wine$rating, foldid = 1:72, thresh = tight)))

# the cumulative logit with two levels is the logistic Lasso
d <- survey(10808)
binary <- as.numeric(d$y > 3)
fit <- glmnet(d$x, binary, family = "binomial", thresh = tight)
out$binary <- path(fit, some(fit))
out$binary$null_deviance <- fit$nulldev
fit <- glmnet(d$x, binary, family = "binomial", weights = d$weights, offset = 0.1 * d$x[, 14], thresh = tight)
out$binary_weights <- path(fit, some(fit))
lambda <- out$binary$lambda[seq(1, 49, 4)]
out$binary_cv <- c(list(lambda = lambda), curve(
  cv.glmnet(d$x, binary, family = "binomial", lambda = lambda, foldid = d$folds, thresh = tight)))
cat(toJSON(out, digits = 12, auto_unbox = TRUE))
