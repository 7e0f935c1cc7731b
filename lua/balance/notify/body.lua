-- SPDX-License-Identifier: MIT
--- The JSON of webhooks: what is sent, and what comes back.
-- @module balance.notify.body

local core = require "balance.core"
local json = require "balance.json"
local safe = require "cjson.safe"

local _M = {}

local encoder = core.in_plain_locale(safe.new)

--- The headers and the body of a request.
-- @tparam table document
-- @treturn table `headers` and `body`
function _M.of(document)
  return {
    headers = { ["Content-Type"] = "application/json" },
    body = assert(core.in_plain_locale(encoder.encode, document)),
  }
end

--- Reads a reply in which a number says how it went.
-- @tparam integer status of HTTP
-- @tparam string text
-- @tparam string code the name of the number, 0 for success
-- @tparam string message the name of its words
-- @tparam table meanings by number: `kind`, `hint`
-- @treturn ?table the fields of a failure; nil: it was taken
function _M.read(status, text, code, message, meanings)
  local reply = json.decode(text)
  local number = reply and reply[code]
  if type(number) ~= "number" then
    return _M.refuse(status, status == 200
      and { kind = "decode", message = "the reply is not the service's" })
  elseif number == 0 and status == 200 then
    return nil
  end
  local meaning = meanings[number] or {}
  return {
    kind = meaning.kind or "api", code = number, status = status,
    message = reply[message] or "refused", hint = meaning.hint,
    retryable = meaning.kind == "rate_limit",
  }
end

--- The failure for a status alone.
-- @tparam integer status
-- @tparam ?table fields that are known
-- @treturn table the fields of a failure
function _M.refuse(status, fields)
  fields = fields or {}
  fields.status = status
  fields.kind = fields.kind or status == 429 and "rate_limit" or "http"
  fields.message = fields.message or "the service did not take it"
  if fields.retryable == nil then
    fields.retryable = status == 408 or status == 429 or status >= 500
  end
  return fields
end

return _M
