-- SPDX-License-Identifier: MIT
--- What is promised of whatever a stranger's bytes have become.
local _M = {}

--- Raises, with the value, where the condition does not hold.
function _M.that(condition, promise, value)
  if not condition then
    error(("%s: %q"):format(promise, tostring(value)), 2)
  end
end

--- Text that is fit for a log: one line, with an end, and without the keys.
function _M.is_text(text, keys, what)
  _M.that(type(text) == "string", what .. " is a string", text)
  _M.that(#text <= 310, what .. " has an end", text)
  _M.that(not text:find "%c", what .. " has no control character", text)
  for _, key in ipairs(keys) do
    _M.that(not text:find(key, 1, true), what .. " shows no key", text)
  end
end

--- A failure as the README has it.
function _M.is_failure(failure, kinds, keys)
  _M.that(type(failure) == "table", "a failure is a table", failure)
  _M.that(kinds[failure.kind] ~= nil, "it has a kind", failure.kind)
  _M.that(type(failure.retryable) == "boolean", "it is retryable or not",
    failure.retryable)
  _M.is_text(failure.message, keys, "a message")
  for _, field in ipairs { "code", "request_id", "hint" } do
    local value = failure[field]
    if type(value) == "number" then
      _M.that(value % 1 == 0 and value < 2 ^ 31 and value > -2 ^ 31,
        "a code is a small number", value)
    end
    if field ~= "code" or type(value) ~= "number" then
      _M.is_text(value or "", keys, field)
    end
  end
  local wait = failure.retry_after
  _M.that(wait == nil or wait >= 0 and wait <= 86400,
    "retry_after is a time", wait)
  local line = tostring(failure)
  _M.that(#line <= 1500 and not line:find "%c", "tostring is a line", line)
  for _, key in ipairs(keys) do
    _M.that(not line:find(key, 1, true), "tostring shows no key", line)
  end
end

return _M
