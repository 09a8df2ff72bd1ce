# Columns that R makes of formulas on the bundled data, and what ordinal::clm estimates with them.
# Run: Rscript model_matrix.R > model_matrix.json
library(ordinal)
library(jsonlite)
wine <- read.csv("../../models/survey/data/wine.csv")
housing <- read.csv("../../models/survey/data/housing.csv")
wine$temp <- factor(wine$temp, levels = c("cold", "warm"))
wine$contact <- factor(wine$contact, levels = c("no", "yes"))
wine$rating <- factor(wine$rating, levels = 1:5, ordered = TRUE)
housing$Sat <- factor(housing$Sat, levels = c("Low", "Medium", "High"), ordered = TRUE)
housing$Infl <- factor(housing$Infl, levels = c("Low", "Medium", "High"))
housing$Type <- factor(housing$Type, levels = c("Tower", "Apartment", "Atrium", "Terrace"))
housing$Cont <- factor(housing$Cont, levels = c("High", "Low"))

columns <- function(formula, data) {
  matrix <- model.matrix(formula, data)[, -1, drop = FALSE]  # without the intercept
  list(terms = colnames(matrix), x = unname(matrix))
}
fitted <- function(model) list(coefficients = as.list(coef(model)), logLik = as.numeric(logLik(model)))
tight <- clm.control(gradTol = 1e-12)

result <- list(
  versions = list(R = R.version.string, ordinal = as.character(packageVersion("ordinal"))),
  columns = list(
    wine = columns(~ temp * contact + poly(response, 2), wine),
    housing = columns(~ Infl * Cont + relevel(Type, ref = "Atrium"), housing)
  ),
  fits = list(
    wine = fitted(clm(rating ~ temp + contact, data = wine, control = tight)),
    housing = fitted(clm(Sat ~ Infl + Type + Cont, weights = Freq, data = housing, control = tight))
  )
)
toJSON(result, digits = 12, auto_unbox = TRUE)
