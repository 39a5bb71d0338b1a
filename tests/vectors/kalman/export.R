# Rewrites the series in this directory from R's own datasets package:  Rscript export.R .
# One number a line, NA for a missing observation, 17 digits so that each double is read back as it was.
directory <- commandArgs(trailingOnly = TRUE)[1]
export <- function(name, values, from) {
    text <- vapply(values, function(v) if (is.na(v)) "NA" else format(v, digits = 17), "")
    short <- vapply(values, function(v) if (is.na(v)) "NA" else format(v, digits = 15), "")
    same <- is.na(values) | suppressWarnings(as.numeric(short)) == values
    writeLines(c(paste("# R datasets package:", from), ifelse(same, short, text)), file.path(directory, name))
}
belts <- datasets::Seatbelts
export("nile.csv", datasets::Nile, "Nile")
export("uk_drivers.csv", belts[, "drivers"], "Seatbelts[, \"drivers\"]")
export("uk_petrol_price.csv", belts[, "PetrolPrice"], "Seatbelts[, \"PetrolPrice\"]")
export("uk_belt_law.csv", belts[, "law"], "Seatbelts[, \"law\"]")
for (name in c("AirPassengers", "UKgas", "JohnsonJohnson", "lh", "LakeHuron", "USAccDeaths", "presidents",
               "WWWusage", "treering", "nottem", "co2", "sunspot.year", "lynx", "discoveries", "uspop"))
    export(paste0(tolower(gsub(".", "_", name, fixed = TRUE)), ".csv"), get(name, "package:datasets"), name)
