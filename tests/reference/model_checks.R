# Reference numbers for tests of bayesgov.survey.frequentist: fit_statistics, proportional_odds, alternatives, margins.
# Run in this folder: Rscript model_checks.R   (R 4.2, ordinal 2022.11, VGAM 1.1, nnet 7.3, numDeriv)
# Writes model_checks.csv (simulated rows, the effect of woman differs at the first threshold) and model_checks.json.
suppressPackageStartupMessages({library(ordinal); library(VGAM); library(nnet); library(numDeriv); library(jsonlite)})

set.seed(20240607)
n <- 400
rows <- data.frame(age = round(rnorm(n), 3), score = sample(1:5, n, TRUE), woman = rbinom(n, 1, 0.5),
                   region = sample(c("east", "north", "west"), n, TRUE), w = sample(1:3, n, TRUE))
eta <- with(rows, 0.6 * age + 0.3 * score - 0.5 * woman + 0.4 * (region == "north") - 0.3 * (region == "west"))
u <- runif(n)
cut1 <- plogis(-0.5 - eta - 0.5 * rows$woman) # the effect of woman differs at the first threshold
cut2 <- plogis(0.7 - eta); cut3 <- plogis(2.0 - eta)
rows$y <- 1 + (u > cut1) + (u > pmax(cut1, cut2)) + (u > pmax(cut1, cut2, cut3))
write.csv(rows[, c("y", "age", "score", "woman", "region", "w")], "model_checks.csv", row.names = FALSE, quote = FALSE)
rows <- read.csv("model_checks.csv")
X <- model.matrix(~ age + score + woman + region, rows)[, -1]
y <- rows$y; w <- rows$w; K <- 4
rows$Y <- factor(y, ordered = TRUE); rows$U <- factor(y)
right <- ~ age + score + woman + region
control <- clm.control(gradTol = 1e-10, maxIter = 200)

# Brant (1990): binary logits of y > k, their joint covariance from their own fitted probabilities, Wald tests
brant <- function(X, y, w, K) {
  m <- K - 1; p <- ncol(X); Z <- cbind(1, X)
  fits <- lapply(1:m, function(k) suppressWarnings(glm(as.integer(y > k) ~ X, family = binomial, weights = w,
                                 control = glm.control(epsilon = 1e-14, maxit = 100))))
  pi <- sapply(fits, fitted)
  bread <- lapply(1:m, function(k) solve(crossprod(Z, w * pi[, k] * (1 - pi[, k]) * Z)))
  V <- matrix(0, m * p, m * p)
  for (a in 1:m) for (b in a:m) {
    block <- bread[[a]] %*% crossprod(Z, w * (pi[, b] - pi[, a] * pi[, b]) * Z) %*% bread[[b]]
    i <- (a - 1) * p + 1:p; j <- (b - 1) * p + 1:p
    V[i, j] <- block[-1, -1]; V[j, i] <- t(V[i, j])
  }
  slopes <- sapply(fits, function(f) coef(f)[-1]); beta <- as.vector(slopes)
  wald <- function(columns) {
    D <- do.call(rbind, lapply(2:m, function(k) { R <- matrix(0, length(columns), m * p)
      for (c in seq_along(columns)) { R[c, columns[c]] <- 1; R[c, (k - 1) * p + columns[c]] <- -1 }; R }))
    as.numeric(t(D %*% beta) %*% solve(D %*% V %*% t(D)) %*% (D %*% beta))
  }
  list(slopes = t(slopes), std_error = t(matrix(sqrt(diag(V)), p)), intercepts = sapply(fits, function(f) coef(f)[1]),
       intercept_std_error = sapply(bread, function(b) sqrt(b[1, 1])),
       covariance = V, omnibus = wald(1:p), per_term = sapply(1:p, wald), region = wald(4:5))
}

plain <- clm(Y ~ age + score + woman + region, data = rows, weights = w, control = control)
free <- clm(Y ~ 1, nominal = right, data = rows, weights = w, control = control)
partial <- clm(Y ~ age + score + region, nominal = ~ woman, data = rows, weights = w, control = control)
one_free <- function(term) { # as ordinal::nominal_test, which does not find weights given by name
  m <- clm(as.formula(paste("Y ~", paste(setdiff(c("age", "score", "woman", "region"), term), collapse = " + "))),
           nominal = as.formula(paste("~", term)), data = rows, weights = w, control = control)
  2 * (as.numeric(logLik(m)) - as.numeric(logLik(plain)))
}
clm_part <- function(m) list(coef = unname(coef(m)), names = names(coef(m)), se = unname(sqrt(diag(vcov(m)))),
                             logLik = as.numeric(logLik(m)))

vglm_tight <- vglm.control(epsilon = 1e-13, maxit = 200)
vg <- function(family) vglm(Y ~ age + score + woman + region, family, rows, weights = w, control = vglm_tight)
# VGAM to the package's convention: theta_k - eta, larger eta = higher level; sign = +1 where VGAM models the lower side
convention <- function(m, sign) { b <- coef(m); s <- sqrt(diag(vcov(m)))
  list(thresholds = unname(sign * b[1:(K - 1)]), beta = unname(-sign * b[-(1:(K - 1))]), se = unname(s),
       logLik = as.numeric(logLik(m))) }
unordered <- vglm(U ~ age + score + woman + region, multinomial(refLevel = 1), rows, weights = w, control = vglm_tight)
# the continuation ratio as binary logits of everybody still at risk: their information is the observed one, where
# VGAM's standard errors follow the expected
at_risk <- do.call(rbind, lapply(1:(K - 1), function(k) cbind(rows[y >= k, ], cut = k)))
stop_here <- suppressWarnings(glm(as.integer(y == cut) ~ 0 + factor(cut) + age + score + woman + region, binomial,
                                  at_risk, weights = w, control = glm.control(epsilon = 1e-14, maxit = 100)))
by_net <- multinom(Y ~ age + score + woman + region, rows, weights = w, trace = FALSE, maxit = 5000, abstol = 1e-14,
                   reltol = 1e-16)

# average marginal effects and predicted probabilities standard errors by numerical derivatives of the whole calculation
cdf <- list(logit = plogis, probit = pnorm)
probabilities <- function(theta, eta, s, F) {
  below <- sapply(theta, function(t) F((t - eta) / s)); below <- matrix(below, ncol = length(theta))
  cbind(below, 1) - cbind(0, below)
}
shape <- function(X, par, model) { # the parameter vector: thresholds, beta, [departures of woman], [zeta of woman]
  theta <- par[1:3]; beta <- par[4:8]; eta <- drop(X %*% beta)
  if (model == "scale") return(probabilities(theta, eta, exp(X[, "woman"] * par[9]), cdf$probit))
  probabilities(theta, eta, 1, cdf$logit)
}
effects_of <- function(par, model) {
  average <- function(X) drop(w %*% shape(X, par, model)) / sum(w)
  move <- function(X, column, value) { X[, column] <- value; X }
  # d P(y = k) / d age = -b / s (f(u_k) - f(u_{k-1}))
  s <- if (model == "scale") exp(X[, "woman"] * par[9]) else 1
  f <- sapply(par[1:3], function(t) (if (model == "scale") dnorm else dlogis)((t - drop(X %*% par[4:8])) / s))
  age <- drop((w * -par[4] / s) %*% (cbind(f, 0) - cbind(0, f))) / sum(w)
  low <- pmin(X[, "score"], 4) # one level up; rows on the top level come up to it from the one below
  score <- average(move(X, "score", low + 1)) - average(move(X, "score", low))
  woman <- average(move(X, "woman", 1)) - average(move(X, "woman", 0))
  base <- move(move(X, "regionnorth", 0), "regionwest", 0)
  north <- average(move(base, "regionnorth", 1)) - average(base)
  west <- average(move(base, "regionwest", 1)) - average(base)
  c(age, score, woman, north, west)
}
delta <- function(f, par, V, ...) { J <- jacobian(f, par, ...); sqrt(diag(J %*% V %*% t(J))) }
margins_part <- function(m, model) {
  par <- unname(coef(m)); V <- vcov(m)
  average <- function(par) drop(w %*% shape(X, par, model)) / sum(w)
  centre <- matrix(colSums(w * X) / sum(w), 1, dimnames = list(NULL, colnames(X)))
  at_means <- function(par) drop(shape(centre, par, model))
  list(effects = matrix(effects_of(par, model), 5, byrow = TRUE),
       effects_se = matrix(delta(effects_of, par, V, model = model), 5, byrow = TRUE),
       average = average(par), average_se = delta(average, par, V),
       at_means = at_means(par), at_means_se = delta(at_means, par, V))
}
scaled <- clm(Y ~ age + score + woman + region, scale = ~ woman, link = "probit", data = rows, weights = w,
              control = control)

# fit statistics of the housing table, where rows share covariate patterns
housing <- read.csv("../../models/survey/data/housing.csv", stringsAsFactors = FALSE)
housing$Sat <- factor(housing$Sat, c("Low", "Medium", "High"), ordered = TRUE)
housing$Infl <- factor(housing$Infl, c("Low", "Medium", "High"))
housing$Type <- factor(housing$Type, c("Tower", "Apartment", "Atrium", "Terrace"))
housing$Cont <- factor(housing$Cont, c("High", "Low"))
hm <- clm(Sat ~ Infl + Type + Cont, data = housing, weights = Freq, control = control)
h0 <- clm(Sat ~ 1, data = housing, weights = Freq, control = control)
ha <- clm(Sat ~ 1, nominal = ~ Infl + Type + Cont, data = housing, weights = Freq, control = control)
counts <- xtabs(Freq ~ interaction(Infl, Type, Cont, drop = TRUE) + Sat, housing)
first <- housing[housing$Sat == "Low", ]
p <- predict(hm, first[, c("Infl", "Type", "Cont")])$fit
order_in <- match(interaction(first$Infl, first$Type, first$Cont), rownames(counts))
o <- unclass(counts)[order_in, ]; e <- p * rowSums(o)
constant <- sum(lgamma(rowSums(o) + 1)) - sum(lgamma(o + 1))
N <- sum(o); l1 <- as.numeric(logLik(hm)); l0 <- as.numeric(logLik(h0))
xb <- drop(model.matrix(~ Infl + Type + Cont, first)[, -1] %*% coef(hm)[-(1:2)]); size <- rowSums(o)
v <- sum(size * (xb - sum(size * xb) / N)^2) / N
HX <- model.matrix(~ Infl + Type + Cont, housing)[, -1]
housing_part <- list(
  log_likelihood = l1, log_likelihood_null = l0, constant = constant, pearson = sum((o - e)^2 / e),
  deviance = 2 * sum(o * log(o / e)), df = nrow(o) * 2 - length(coef(hm)),
  cox_snell = 1 - exp(2 * (l0 - l1) / N), nagelkerke = (1 - exp(2 * (l0 - l1) / N)) / (1 - exp(2 * l0 / N)),
  mcfadden = 1 - l1 / l0, mckelvey_zavoina = v / (v + pi^2 / 3), aic = AIC(hm), bic = -2 * l1 + log(N) * length(coef(hm)),
  parallel = 2 * (as.numeric(logLik(ha)) - l1), brant = brant(HX, as.integer(housing$Sat), housing$Freq, 3))

# score test of parallel lines: g' I^-1 g of the model with all effects free at the parallel estimates, I expected
all_free <- function(par) { # thresholds, then the slopes of each threshold
  eta <- sapply(1:3, function(k) par[k] - drop(X %*% par[3 + (k - 1) * 5 + 1:5]))
  cbind(plogis(eta), 1) - cbind(0, plogis(eta))
}
at <- unname(c(coef(plain)[1:3], rep(coef(plain)[4:8], 3)))
P <- all_free(at); J <- array(jacobian(all_free, at), c(n, K, length(at)))
g <- colSums(w * sapply(seq_along(at), function(j) J[cbind(1:n, y, j)]) / P[cbind(1:n, y)])
I <- Reduce(`+`, lapply(1:K, function(k) crossprod(J[, k, ], w / P[, k] * J[, k, ])))
score <- drop(g %*% solve(I, g))

result <- list(
  score = score,
  plain = clm_part(plain), free = clm_part(free), partial = clm_part(partial), brant = brant(X, y, w, K),
  nominal_test = sapply(c("age", "score", "woman", "region"), one_free),
  multinomial = list(coef = matrix(coef(unordered), K - 1), se = matrix(sqrt(diag(vcov(unordered))), K - 1),
                     logLik = as.numeric(logLik(unordered))),
  multinom = list(coef = unname(coef(by_net)), logLik = as.numeric(logLik(by_net))),
  adjacent = convention(vg(acat(reverse = FALSE, parallel = TRUE)), -1),
  continuation = convention(vg(sratio(reverse = FALSE, parallel = TRUE)), 1),
  continuation_glm = list(beta = -unname(coef(stop_here))[-(1:3)], thresholds = unname(coef(stop_here))[1:3],
                          se = unname(sqrt(diag(vcov(stop_here))))),
  continuation_above = convention(vg(cratio(reverse = FALSE, parallel = TRUE)), -1),
  continuation_probit = convention(vg(sratio(link = "probitlink", reverse = FALSE, parallel = TRUE)), 1),
  margins = margins_part(plain, "plain"), margins_scale = c(margins_part(scaled, "scale"), clm_part(scaled)),
  housing = housing_part)
writeLines(toJSON(result, digits = I(12), auto_unbox = TRUE, pretty = TRUE), "model_checks.json")
