# Series of R's datasets package, cut at up to three origins, for test_accuracy.py. Writes the values before each origin to
# DIR/CASE.csv, the next ones to DIR/CASE.next, and prints lines
#   CASE TAB period TAB horizon TAB auto.arima's MASE, seconds, hits of 95 % and 80 %
# The last field is filled where the second argument is "all", or the case is one of those that are timed in every run.
arguments <- commandArgs(trailingOnly = TRUE)
directory <- arguments[1]
suppressMessages(library(forecast))
series <- list(AirPassengers = AirPassengers, UKgas = UKgas, JohnsonJohnson = JohnsonJohnson, nottem = nottem, co2 = co2,
               USAccDeaths = USAccDeaths, UKDriverDeaths = UKDriverDeaths, ldeaths = ldeaths, austres = austres,
               presidents = presidents, Nile = Nile, LakeHuron = LakeHuron, lynx = lynx, sunspot.year = sunspot.year,
               nhtemp = nhtemp, uspop = uspop, airmiles = airmiles, BJsales = BJsales, WWWusage = WWWusage, lh = lh,
               discoveries = discoveries)
timed <- c("AirPassengers_1", "USAccDeaths_1", "UKgas_1", "Nile_1", "lynx_1")
for (name in names(series)) {
    y <- as.numeric(series[[name]])
    m <- if (frequency(series[[name]]) %in% c(4, 12)) frequency(series[[name]]) else 1
    h <- if (m == 1) 10 else 2 * m
    for (origin in 1:3) {
        n <- length(y) - origin * h
        if (n < max(3 * m, 13)) break
        case <- paste0(name, "_", origin)
        past <- y[1:n]
        future <- y[(n + 1):(n + h)]
        text <- function(x) ifelse(is.na(x), "NA", formatC(x, digits = 17, format = "g"))
        writeLines(text(past), file.path(directory, paste0(case, ".csv")))
        writeLines(text(future), file.path(directory, paste0(case, ".next")))
        said <- ""
        if (case %in% timed || identical(arguments[2], "all")) {
            seconds <- system.time(f <- forecast(auto.arima(ts(past, frequency = m)), h = h, level = c(80, 95)))[["elapsed"]]
            scale <- mean(abs(diff(past, lag = m)), na.rm = TRUE)
            inside <- function(k) sum(f$lower[, k] <= future & future <= f$upper[, k], na.rm = TRUE)
            said <- paste(mean(abs(f$mean - future), na.rm = TRUE) / scale, seconds, inside(2), inside(1))
        }
        cat(case, m, h, said, sep = "\t")
        cat("\n")
    }
}
