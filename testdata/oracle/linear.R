# Writes linear_r.json: unpenalised models of ../datasets/heart.csv by R's glm and lm, coefficients and standard errors of the numbers.
#
#     Rscript testdata/oracle/linear.R > testdata/oracle/linear_r.json
#
# R 4.2.2 (Debian 12's r-base-core) made the committed file. Run it in the root of the repository.
d <- read.csv("testdata/datasets/heart.csv")
d$site <- factor(d$site)
numbers <- c("age", "sex", "trestbps", "chol", "thalach", "oldpeak")
right <- function(names) paste(c(names, "site"), collapse = " + ")
print_one <- function(name, m, numbers) {
  s <- summary(m)$coefficients
  rows <- sprintf('{"feature": "%s", "estimate": %.15g, "se": %.15g}', numbers, s[numbers, 1], s[numbers, 2])
  sprintf('"%s": [%s]', name, paste(rows, collapse = ", "))
}
exact <- glm.control(epsilon = 1e-14, maxit = 100)
logistic <- glm(as.formula(paste("target ~", right(numbers))), binomial, d, control = exact)
weighted <- glm(as.formula(paste("target ~", right(numbers))), binomial, d, weights = 1 + d$sex, control = exact)
others <- setdiff(numbers, "thalach")
squares <- lm(as.formula(paste("thalach ~", right(others))), d)
cat("{", paste(print_one("logistic", logistic, numbers), print_one("weighted", weighted, numbers), print_one("squares", squares, others), sep = ",\n"), "}\n")
