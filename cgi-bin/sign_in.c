#include "cgi-bin/sign_in.h"

#include "cgi-bin/page.h"
#include "cgi-bin/request.h"
#include "web/return_to.h"

void sign_in_redirect(struct request *request, bool again)
{
    struct text from = request->target;
    const char *path = request_path(request, "users/log-in");
    bool reading = request->method == METHOD_GET;
    if (reading && from.len <= RETURN_TO_MAX) {
        struct text encoded = text_percent_encode(request->scope.arena, from);
        path = request_path(request, "users/log-in?return_to=%.*s", TEXT_ARGS(encoded));
    }
    page_flash(request, again ? FLASH_SIGN_IN_AGAIN : FLASH_SIGN_IN);
    answer_redirect(&request->answer, reading ? 302 : 303, text_of(path));
}
