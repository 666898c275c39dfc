#!/bin/sh
exec node --test-reporter=tap "$(dirname "$0")/longpoll-client.mjs" standin
