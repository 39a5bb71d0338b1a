#include "request/deprecation.h"

#include <assert.h>
#include <time.h>

/* IMF-fixdate (RFC 9110), whose names are English in every locale. */
static void add_sunset(int64_t sunset_s, struct http_response *response)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t time = (time_t)sunset_s;
    struct tm utc;
    if (gmtime_r(&time, &utc) == NULL)
        return;
    http_header_add(response, "Sunset", "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday],
                    utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                    utc.tm_sec);
}

void deprecation_headers_add(const struct deprecation *deprecation, struct http_response *response)
{
    assert(deprecation->deprecated_s > 0 &&
           (deprecation->sunset_s == 0 || deprecation->sunset_s > deprecation->deprecated_s));
    http_header_add(response, "Deprecation", "@%lld", (long long)deprecation->deprecated_s);
    http_header_add(response, "Link", "</versioning>; rel=\"deprecation\"; type=\"text/html\"");
    if (deprecation->sunset_s > 0)
        add_sunset(deprecation->sunset_s, response);
}
