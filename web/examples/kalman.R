#!/usr/bin/env Rscript
# Filters four numbers with httr and jsonlite (r-cran-httr, r-cran-jsonlite). Settings: set -a; . var/demo.env
library(httr)
luna <- Sys.getenv(c("LUNA_URL", "LUNA_ACCOUNT_ID", "LUNA_API_KEY", "LUNA_CA"))
answer <- POST(sprintf("%s/api/v1/%s/kalman", luna["LUNA_URL"], luna["LUNA_ACCOUNT_ID"]),
               add_headers(`X-API-Key` = luna[["LUNA_API_KEY"]]), config(cainfo = luna[["LUNA_CA"]]),
               body = list(results = c(1120, 1160, 963, 1210)), encode = "json")
stop_for_status(answer)
# NA is how jsonlite reads null, a missing observation.
print(jsonlite::fromJSON(content(answer, "text", encoding = "UTF-8"))$processed_results)
