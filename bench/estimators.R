# ranger beside bench/estimators.py: Rscript bench/estimators.R FOLDER THREADS SET ..   prints a line of JSON a set
suppressMessages(library(ranger))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
threads <- as.integer(arguments[2])
auc <- function(y, p) { r <- rank(p); n <- sum(y); (sum(r[y == 1]) - n * (n + 1) / 2) / (n * (length(y) - n)) }
for (name in arguments[-(1:2)]) {
  d <- read.csv(sprintf("%s/encoded/%s.csv", folder, name))
  split <- read.csv(sprintf("%s/splits/%s.csv", folder, name))
  held <- split[[1]] == if (names(split)[1] == "test") 1 else 0
  for (c in names(d)) d[[c]][is.na(d[[c]])] <- median(d[[c]][!held], na.rm = TRUE)
  binary <- length(unique(d$target)) == 2
  if (binary) d$target <- factor(d$target)
  time <- system.time(m <- ranger(target ~ ., d[!held, ], num.trees = 100, num.threads = threads, probability = binary, oob.error = FALSE, seed = 1))
  p <- predict(m, d[held, ], num.threads = threads)$predictions
  score <- if (binary) auc(as.integer(d$target[held]) - 1, p[, 2]) else sqrt(mean((d$target[held] - p)^2))
  cat(sprintf('{"set": "%s", "model": "ranger", "wall": %.4f, "processor": %.4f, "score": %.6f}\n', name, time[3], time[1] + time[2], score))
}
