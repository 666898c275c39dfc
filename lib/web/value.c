#include "web/value.h"

#include <string.h>

#include "base/must.h"

struct value value_text(struct text text)
{
    return (struct value){ .kind = VALUE_TEXT, .text = text };
}

struct value value_text_or_null(struct text text)
{
    return text.len ? value_text(text) : value_null();
}

struct value value_number(int64_t number)
{
    return (struct value){ .kind = VALUE_NUMBER, .number = number };
}

struct value value_bool(bool yes)
{
    return (struct value){ .kind = yes ? VALUE_TRUE : VALUE_FALSE };
}

struct value value_null(void)
{
    return (struct value){ .kind = VALUE_NULL };
}

struct value value_object(const struct field *fields, size_t count)
{
    must(count <= UINT32_MAX);
    return (struct value){ .kind = VALUE_OBJECT, .count = (uint32_t)count, .fields = fields };
}

struct value value_list(const struct value *items, size_t count)
{
    must(count <= UINT32_MAX);
    return (struct value){ .kind = VALUE_LIST, .count = (uint32_t)count, .items = items };
}

struct value value_of_json(const json_t *json)
{
    if (!json)
        return (struct value){ .kind = VALUE_MISSING };
    switch (json_typeof(json)) {
    case JSON_NULL: return value_null();
    case JSON_FALSE: return value_bool(false);
    case JSON_TRUE: return value_bool(true);
    case JSON_INTEGER: return value_number(json_integer_value(json));
    case JSON_STRING: return value_text((struct text){ json_string_value(json), json_string_length(json) });
    default: return (struct value){ .kind = VALUE_JSON, .json = json };
    }
}

struct value value_member(const struct value *object, const char *name)
{
    if (object->kind == VALUE_JSON)
        return value_of_json(json_object_get(object->json, name)); /* NULL for what is no object */
    for (uint32_t i = 0; object->kind == VALUE_OBJECT && i < object->count; i++)
        if (*object->fields[i].name == *name && strcmp(object->fields[i].name, name) == 0)
            return object->fields[i].value;
    return (struct value){ .kind = VALUE_MISSING };
}

bool value_is_list(const struct value *value)
{
    return value->kind == VALUE_LIST || (value->kind == VALUE_JSON && json_is_array(value->json));
}

size_t value_length(const struct value *list)
{
    return list->kind == VALUE_LIST ? list->count : json_array_size(list->json);
}

struct value value_item(const struct value *list, size_t at)
{
    return list->kind == VALUE_LIST ? list->items[at] : value_of_json(json_array_get(list->json, at));
}

/* --- as JSON --- */

static json_t *object_json(const struct value *value)
{
    json_t *json = json_object();
    for (uint32_t i = 0; i < value->count; i++)
        must(json_object_set_new(json, value->fields[i].name, value_json(&value->fields[i].value)) == 0);
    return json;
}

static json_t *list_json(const struct value *value)
{
    json_t *json = json_array();
    for (uint32_t i = 0; i < value->count; i++)
        must(json_array_append_new(json, value_json(&value->items[i])) == 0);
    return json;
}

static json_t *simple_json(const struct value *value)
{
    switch (value->kind) {
    case VALUE_FALSE: return json_false();
    case VALUE_TRUE: return json_true();
    case VALUE_NUMBER: return json_integer(value->number);
    case VALUE_TEXT: return json_stringn(value->text.at, value->text.len);
    case VALUE_JSON: return json_deep_copy(value->json);
    default: return json_null();
    }
}

json_t *value_json(const struct value *value)
{
    json_t *json = value->kind == VALUE_OBJECT ? object_json(value)
                   : value->kind == VALUE_LIST ? list_json(value)
                                               : simple_json(value);
    must(json != NULL);
    return json;
}
