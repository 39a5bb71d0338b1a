# R's side of scripts/bench kalman: "name nanoseconds", a sample or a fit, the best of several repetitions.
best_ns <- function(repetitions, inner, expression) {
    times <- vapply(seq_len(repetitions), function(i) {
        start <- proc.time()[["elapsed"]]
        for (k in seq_len(inner)) expression()
        (proc.time()[["elapsed"]] - start) / inner
    }, 0)
    1e9 * min(times)
}
say <- function(name, value) cat("r_", name, "_ns ", format(value, digits = 6, scientific = FALSE), "\n", sep = "")
n <- 100000
t <- seq_len(n) - 1
y <- 1000 + 100 * sin(0.01 * t) + 120 * sin(12.9898 * t) + ifelse(t %% 1000 == 0, 200, 0)
model <- list(T = matrix(1), Z = 1, h = 15099, V = matrix(1469.1), a = y[1], P = matrix(1e7), Pn = matrix(1e7))
say("loglik", best_ns(5, 10, function() KalmanLike(y, model)) / n)
say("filter", best_ns(5, 10, function() KalmanRun(y, model)) / n)
say("smooth", best_ns(3, 5, function() KalmanSmooth(y, model)) / n)
say("level_fit", best_ns(3, 50, function() StructTS(Nile, "level")))
say("trend_fit", best_ns(3, 20, function() StructTS(Nile, "trend")))
passengers <- log(AirPassengers)
say("structural_fit", best_ns(3, 3, function() StructTS(passengers, "BSM")))
