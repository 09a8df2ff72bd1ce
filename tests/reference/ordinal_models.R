# Ordinal models of R's ordinal and VGAM, with sandwich covariances: reference numbers of tests/survey/frequentist.
# Run in this folder: Rscript ordinal_models.R (writes ordinal_models.json and ordinal_rows.csv)
suppressMessages({library(ordinal); library(sandwich); library(VGAM); library(jsonlite)})
control <- clm.control(gradTol = 1e-8, relTol = 1e-12, maxIter = 200)
entry <- function(model, ...) list(
  coef = as.list(setNames(as.numeric(coef(model)), names(coef(model)))),
  se = as.numeric(sqrt(diag(vcov(model)))), logLik = as.numeric(logLik(model)), ...)

data(wine, package = "ordinal")
housing <- read.csv("../../models/survey/data/housing.csv")
housing$Sat <- factor(housing$Sat, levels = c("Low", "Medium", "High"), ordered = TRUE)
housing$Infl <- factor(housing$Infl, levels = c("Low", "Medium", "High"))
housing$Type <- factor(housing$Type, levels = c("Tower", "Apartment", "Atrium", "Terrace"))
housing$Cont <- factor(housing$Cont, levels = c("High", "Low"))

# rows of our own with six levels, weights, an offset, clusters and predictors on awkward scales
set.seed(20)
n <- 400
rows <- data.frame(year = round(runif(n, 2000, 2020)), income = round(exp(rnorm(n, 9, 0.6))),
                   urban = rbinom(n, 1, 0.3), weight = sample(c(0.5, 1, 2, 3), n, TRUE),
                   shift = round(rnorm(n, 0, 0.4), 3), village = sample(1:25, n, TRUE))
effect <- rnorm(25, 0, 0.6)
latent <- 0.1 * (rows$year - 2010) + 0.5 * log(rows$income) - 0.7 * rows$urban + rows$shift + effect[rows$village] +
  exp(0.3 * rows$urban) * rlogis(n)
rows$level <- cut(latent, quantile(latent, c(0, .07, .25, .5, .75, .92, 1)), labels = 1:6, include.lowest = TRUE)
write.csv(rows, "ordinal_rows.csv", row.names = FALSE, quote = FALSE)
rows$level <- ordered(rows$level)
rows$income <- rows$income / 1000

# ordinal takes 1e5 for infinity, where the Cauchy distribution still has a tail of 3e-6, so clm's cauchit is off by
# about 1e-4; its maximum is found here directly
cauchit <- function(y, x, weights, offset, start) {
  last <- max(y) - 1
  minus <- function(p) {
    cuts <- c(-Inf, p[seq_len(last)], Inf); eta <- offset + drop(x %*% p[-seq_len(last)])
    lower <- cuts[y] - eta; upper <- cuts[y + 1] - eta
    flip <- lower > 0
    low <- ifelse(flip, -upper, lower); high <- ifelse(flip, -lower, upper)
    -sum(weights * log(pcauchy(high) - pcauchy(low)))
  }
  for (i in 1:6) start <- start - solve(numDeriv::hessian(minus, start), numDeriv::grad(minus, start))
  list(coef = as.list(start), se = as.numeric(sqrt(diag(solve(numDeriv::hessian(minus, start))))), logLik = -minus(start))
}

out <- list()
for (link in c("logit", "probit", "cloglog", "loglog", "cauchit"))
  out[[paste0("wine_", link)]] <- entry(clm(rating ~ temp + contact, data = wine, link = link, control = control))
out$wine_cauchit_clm <- out$wine_cauchit
out$wine_cauchit <- cauchit(as.integer(wine$rating), model.matrix(~temp + contact, wine)[, -1], rep(1, 72), rep(0, 72),
                            unlist(out$wine_cauchit$coef))
out$wine_symmetric <- entry(clm(rating ~ temp + contact, data = wine, threshold = "symmetric", control = control))
out$wine_nominal <- entry(clm(rating ~ temp, nominal = ~contact, data = wine, control = control))
out$wine_scale <- entry(clm(rating ~ contact, scale = ~temp, data = wine, control = control))
out$wine_scale_probit <- entry(clm(rating ~ temp + contact, scale = ~temp, link = "probit", data = wine, control = control))
out$housing_cloglog <- entry(clm(Sat ~ Infl + Type + Cont, weights = Freq, data = housing, link = "cloglog", control = control))
out$housing_nominal <- entry(clm(Sat ~ Infl + Type, nominal = ~Cont, weights = Freq, data = housing, control = control))
rows_model <- function(...) clm(level ~ year + income + urban + offset(shift), weights = weight, data = rows, control = control, ...)
out$rows_logit <- entry(rows_model())
# in units and with a shift that numerical derivatives can work with
moved <- cauchit(as.integer(rows$level), cbind((rows$year - 2010) / 10, (rows$income - 9) / 10, rows$urban), rows$weight, rows$shift,
                 c(-4, -1, 0.3, 1.6, 5, 0.8, 0.2, -0.5))
out$rows_cauchit <- list(coef = as.list(setNames(c(unlist(moved$coef[1:5]) + 201 * moved$coef[[6]] + 0.9 * moved$coef[[7]],
  moved$coef[[6]] / 10, moved$coef[[7]] / 10, moved$coef[[8]]), names(out$rows_logit$coef))), se = moved$se[6:8] / c(10, 10, 1), logLik = moved$logLik)
out$rows_symmetric <- entry(rows_model(threshold = "symmetric"))
out$rows_equidistant <- entry(rows_model(threshold = "equidistant", link = "probit"))
out$rows_scale <- entry(rows_model(scale = ~urban))

# sandwich covariances without small-sample factors
plain <- clm(level ~ year + income + urban, data = rows, control = control)
out$rows_plain <- entry(plain, robust = as.numeric(sqrt(diag(sandwich(plain)))),
  clustered = as.numeric(sqrt(diag(vcovCL(plain, cluster = rows$village, cadjust = FALSE, type = "HC0")))))

# profile likelihood; a fine grid, because confint interpolates
wine_logit <- clm(rating ~ temp + contact, data = wine, control = control)
interval <- confint(profile(wine_logit, nsteps = 60, max.steps = 400))
out$wine_profile <- list(lower = as.numeric(interval[, 1]), upper = as.numeric(interval[, 2]))
narrow <- confint(profile(wine_logit, nsteps = 60, max.steps = 400), level = 0.8)
out$wine_profile_80 <- list(lower = as.numeric(narrow[, 1]), upper = as.numeric(narrow[, 2]))
steps <- drop1(clm(Sat ~ Infl + Type + Cont, weights = Freq, data = housing, control = control), test = "Chi")
out$housing_drop1 <- list(lr = as.numeric(steps$LRT[-1]), df = as.numeric(steps$Df[-1]), p = as.numeric(steps$`Pr(>Chi)`[-1]))

# VGAM: acat models log P(k+1) / P(k), sratio P(y = k | y >= k)
vg <- function(family, ...) {
  fit <- vglm(level ~ year + income + urban, family, data = rows, epsilon = 1e-12, maxit = 200)
  list(coef = as.list(setNames(as.numeric(coef(fit)), names(coef(fit)))), se = as.numeric(sqrt(diag(vcov(fit)))),
       logLik = as.numeric(logLik(fit)))
}
out$rows_acat <- vg(acat(parallel = TRUE))
out$rows_sratio <- vg(sratio(parallel = TRUE))
# VGAM's standard errors take the expected number of rows that reach a level; the observed information is that of the
# stacked binary model
stacked <- function(link) {
  code <- as.integer(rows$level)
  pieces <- lapply(1:5, function(k) data.frame(rows[code >= k, c("year", "income", "urban")], at = factor(k, 1:5),
                                               stop = as.integer(code[code >= k] == k)))
  glm(stop ~ 0 + at + year + income + urban, binomial(link), do.call(rbind, pieces), epsilon = 1e-14, maxit = 100)
}
out$rows_stacked <- list(coef = as.numeric(coef(stacked("logit"))), se = as.numeric(sqrt(diag(vcov(stacked("logit"))))))
out$rows_sratio_cloglog <- vg(sratio(link = "clogloglink", parallel = TRUE))
out$rows_sratio_nominal <- vg(sratio(parallel = FALSE ~ urban))

# random intercepts
mixed <- function(model) list(coef = as.list(coef(model)), sd = as.numeric(attr(VarCorr(model)[[1]], "stddev")),
  se = as.numeric(sqrt(diag(vcov(model)))), logLik = as.numeric(logLik(model)),
  gradient = max(abs(model$gradient)), modes = as.numeric(unlist(ranef(model))), variances = as.numeric(unlist(condVar(model))))
tight <- clmm.control(grtol = 1e-10, gradTol = 1e-6, maxIter = 200) # the inner iteration fails below that
out$wine_clmm <- mixed(clmm(rating ~ temp + contact + (1 | judge), data = wine, control = tight))
out$wine_clmm_agq <- mixed(clmm(rating ~ temp + contact + (1 | judge), data = wine, nAGQ = 11, control = tight))
for (link in c("probit", "cloglog", "loglog"))
  out[[paste0("wine_clmm_", link)]] <- mixed(clmm(rating ~ temp + contact + (1 | judge), data = wine, link = link, nAGQ = 11, control = tight))
out$wine_clmm_equidistant <- mixed(clmm(rating ~ temp + contact + (1 | judge), data = wine, threshold = "equidistant", nAGQ = 11, control = tight))
rows$y0 <- rows$year - 2010
out$rows_clmm <- mixed(clmm(level ~ y0 + income + urban + (1 | village), weights = weight, data = rows, control = tight))

# clmm's Laplace approximation is 3e-6 short of exact conditional modes: the same quantity from its definition
exact_laplace <- function(model) {
  cuts <- c(-Inf, coef(model)[1:4], Inf); sd <- attr(VarCorr(model)[[1]], "stddev"); y <- as.integer(wine$rating)
  eta <- drop(model.matrix(~temp + contact, wine)[, -1] %*% coef(model)[5:6])
  sum(sapply(levels(wine$judge), function(judge) {
    i <- wine$judge == judge
    minus <- function(b) b^2 / 2 - sum(log(plogis(cuts[y[i] + 1] - eta[i] - sd * b) - plogis(cuts[y[i]] - eta[i] - sd * b)))
    b <- 0
    for (k in 1:50) b <- b - numDeriv::grad(minus, b) / drop(numDeriv::hessian(minus, b))
    -minus(b) - log(drop(numDeriv::hessian(minus, b))) / 2
  }))
}
out$wine_clmm$exact_laplace <- exact_laplace(clmm(rating ~ temp + contact + (1 | judge), data = wine, control = tight))

out$versions <- list(R = paste(R.version$major, R.version$minor, sep = "."), ordinal = as.character(packageVersion("ordinal")),
  VGAM = as.character(packageVersion("VGAM")), sandwich = as.character(packageVersion("sandwich")))
write_json(out, "ordinal_models.json", digits = 12, auto_unbox = TRUE, pretty = 1)
