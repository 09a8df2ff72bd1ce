# VIF, GVIF, condition indices, chi-square and correlations in base R 4.2.2. Run in this folder:
# Rscript collinearity.R > collinearity.json
suppressMessages(library(jsonlite))
wine <- read.csv("../../models/survey/data/wine.csv", stringsAsFactors = TRUE)
housing <- read.csv("../../models/survey/data/housing.csv", stringsAsFactors = TRUE)

gvif <- function(fit) {                        # car::vif's formula, from the covariance of the coefficients
  correlation <- cov2cor(vcov(fit))[-1, -1]
  assign <- attr(model.matrix(fit), "assign")[-1]
  names <- attr(terms(fit), "term.labels")
  value <- sapply(seq_along(names), function(k) {
    mine <- which(assign == k)
    det(correlation[mine, mine, drop = FALSE]) * det(correlation[-mine, -mine, drop = FALSE]) / det(correlation)
  })
  df <- as.vector(table(assign))
  list(factor = names, gvif = value, df = df, scaled = value^(1 / (2 * df)))
}
belsley <- function(x, w) {                    # Belsley, Kuh & Welsch (1980)
  x <- cbind(1, x) * sqrt(w)
  x <- sweep(x, 2, sqrt(colSums(x^2)), "/")
  s <- svd(x)
  phi <- t(sweep(s$v^2, 2, s$d^2, "/"))
  list(index = s$d[1] / s$d, portions = sweep(phi, 2, colSums(phi), "/"))
}
vif <- function(x, w) sapply(seq_len(ncol(x)), function(j)
  1 / (1 - summary(lm(x[, j] ~ x[, -j], weights = w))$r.squared))

out <- list()
wine$extra <- round(as.numeric(wine$judge) + 2 * (wine$temp == "warm") + sqrt(1:72), 6)
out$extra <- wine$extra
wine$part <- cut(1:72, c(0, 7, 30, 45, 72), labels = 1:4)
formula <- rating ~ temp + part + extra + response
frame <- model.matrix(formula, wine)[, -1]
out$wine <- list(terms = colnames(frame), x = unname(frame), vif = vif(frame, rep(1, 72)),
                 gvif = gvif(lm(formula, wine)), belsley = belsley(frame, rep(1, 72)))

grouped <- housing[housing$Freq > 0, ]
grouped$y <- as.numeric(factor(grouped$Sat, c("Low", "Medium", "High")))
formula <- y ~ Infl * Type + Cont
fit <- lm(formula, grouped, weights = Freq)
frame <- model.matrix(formula, grouped)[, -1]
out$housing <- list(terms = colnames(frame), x = unname(frame), weights = grouped$Freq, vif = vif(frame, grouped$Freq),
                    gvif = gvif(fit), belsley = belsley(frame, grouped$Freq))

pearson <- function(item) {
  table <- xtabs(reformulate(c(item, "Sat"), "Freq"), housing)
  test <- suppressWarnings(chisq.test(table, correct = FALSE))
  n <- sum(table); k <- min(dim(table)) - 1
  list(chi2 = unname(test$statistic), df = unname(test$parameter), p = test$p.value,
       cramers_v = unname(sqrt(test$statistic / (n * k))), smallest = min(test$expected))
}
out$screen <- lapply(c(Infl = "Infl", Type = "Type", Cont = "Cont"), pearson)
out$screen_holm <- p.adjust(sapply(out$screen, function(s) s$p), "holm")
wine_table <- suppressWarnings(chisq.test(table(wine$judge, wine$rating)))
out$screen_judge <- list(chi2 = unname(wine_table$statistic), p = wine_table$p.value,
                         small = mean(wine_table$expected < 5))

rows <- housing[rep(seq_len(nrow(housing)), housing$Freq), ]
scores <- data.frame(sat = match(rows$Sat, c("Low", "Medium", "High")),
                     infl = match(rows$Infl, c("Low", "Medium", "High")), cont = match(rows$Cont, c("Low", "High")))
pair <- function(a, b, method) {
  test <- suppressWarnings(cor.test(a, b, method = method, exact = FALSE))
  list(estimate = unname(test$estimate), p = test$p.value)
}
for (method in c("pearson", "spearman", "kendall"))
  out[[method]] <- list(infl = pair(scores$sat, scores$infl, method), cont = pair(scores$sat, scores$cont, method))
out$log <- list(infl = pair(log(scores$sat), log(scores$infl), "pearson"))
cat(toJSON(out, digits = 12, auto_unbox = TRUE))
