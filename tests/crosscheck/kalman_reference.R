# What R says about series of its own datasets package. Writes each series to DIR/NAME.csv and prints lines
#   NAME TAB KEY TAB VALUE [VALUE...]
# that kalman_test.py compares with the library. Base R only.
directory <- commandArgs(trailingOnly = TRUE)[1]
say <- function(name, key, values) cat(name, key, paste(formatC(values, digits = 17, format = "g"), collapse = " "), sep = "\t", "\n")
export <- function(name, series) {
    text <- ifelse(is.na(series), "NA", formatC(as.numeric(series), digits = 17, format = "g"))
    writeLines(text, file.path(directory, paste0(name, ".csv")))
}

levels_of <- list(Nile = Nile, drivers = log(UKDriverDeaths), treering = window(treering, start = 0), LakeHuron = LakeHuron,
                  discoveries = discoveries, lynx = log10(lynx), sunspot = sqrt(sunspot.year), nhtemp = nhtemp,
                  uspop = log(uspop), airmiles = log(airmiles), BJsales = BJsales, rivers = rivers)
for (name in names(levels_of)) {
    y <- ts(as.numeric(levels_of[[name]]))
    fit <- StructTS(y, type = "level")
    export(name, y)
    say(name, "level", c(fit$coef["epsilon"], fit$coef["level"]))
    say(name, "loglik", fit$loglik)
    say(name, "prior", fit$model0$P[1, 1])
    say(name, "filtered", as.numeric(fitted(fit)))
    say(name, "smoothed", as.numeric(tsSmooth(fit)))
    trend <- StructTS(y, type = "trend")
    say(name, "trend", c(trend$coef["epsilon"], trend$coef["level"], trend$coef["slope"]))
}

seasonal <- list(UKgas = log10(UKgas), AirPassengers = log10(AirPassengers), JohnsonJohnson = JohnsonJohnson,
                 nottem = nottem, co2 = co2, USAccDeaths = USAccDeaths)
for (name in names(seasonal)) {
    y <- seasonal[[name]]
    fit <- StructTS(y, type = "BSM")
    export(name, y)
    say(name, "period", frequency(y))
    say(name, "bsm", c(fit$coef["epsilon"], fit$coef["level"], fit$coef["slope"], fit$coef["seas"]))
    say(name, "prior_spread", range(fit$model0$P))
}

# Models with differencing: R's prior for the differenced states is wide (1e6), so its likelihood is the marginal one nearly.
arima_case <- function(name, y, order, seasonal = c(0, 0, 0), period = 1) {
    fit <- arima(y, order, seasonal = list(order = seasonal, period = period), method = "ML")
    export(name, y)
    say(name, "arima_order", c(order, seasonal, period))
    say(name, "arima_coef", coef(fit))
    say(name, "arima_sigma2", fit$sigma2)
    say(name, "arima_loglik", fit$loglik)
    say(name, "arima_errors", sqrt(diag(fit$var.coef)))
}
arima_case("arima_nile", Nile, c(0, 1, 1))
arima_case("arima_www", WWWusage, c(3, 1, 0))
arima_case("arima_airline", log(AirPassengers), c(0, 1, 1), c(0, 1, 1), 12)
arima_case("arima_deaths", USAccDeaths, c(0, 1, 1), c(0, 1, 1), 12)
arima_case("arima_bj", BJsales, c(1, 1, 1))
arima_case("arima_gas", log(UKgas), c(0, 1, 1), c(0, 1, 1), 4)

# Stationary models: R estimates the mean by maximum likelihood. With it taken off, the two likelihoods are the same number.
stationary_case <- function(name, y, order, xreg = NULL) {
    fit <- arima(y, order, xreg = xreg, method = "ML")
    arma <- coef(fit)[seq_len(order[1] + order[3])]
    beta <- coef(fit)[-seq_len(order[1] + order[3])]
    design <- cbind(intercept = rep(1, length(y)), xreg)
    export(name, as.numeric(y) - as.numeric(design %*% beta))
    say(name, "arima_order", c(order, 0, 0, 0, 1))
    say(name, "arima_coef", arma)
    say(name, "arima_sigma2", fit$sigma2)
    say(name, "stationary_loglik", fit$loglik)
}
stationary_case("arma_lh1", lh, c(1, 0, 0))
stationary_case("arma_lh3", lh, c(3, 0, 0))
stationary_case("arma_lh11", lh, c(1, 0, 1))
stationary_case("arma_huron", LakeHuron, c(2, 0, 0), cbind(time = time(LakeHuron) - 1920))
stationary_case("arma_presidents", presidents, c(3, 0, 0))
stationary_case("arma_lynx", log10(lynx), c(2, 0, 1))
