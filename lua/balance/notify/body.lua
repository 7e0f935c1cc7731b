-- SPDX-License-Identifier: MIT
--- The JSON of webhooks: what is sent, and what comes back.
-- @module balance.notify.body

local core = require "balance.core"
local is_retryable = require("balance.refusal").is_retryable
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

--- A signature: an HMAC-SHA256 in base64.
-- @tparam {string,...} key its parts
-- @tparam {string,...} text its parts
-- @treturn ?string nil where OpenSSL cannot make it
-- @treturn ?table then, the fields of a failure
function _M.sign(key, text)
  local signature, kind, message, hint = core.hmac(key, text)
  if not signature then
    return nil, { kind = kind, message = message, hint = hint }
  end
  return signature
end

--- The failure of a reply that did not say "taken".
-- @tparam integer status of HTTP
-- @tparam ?table fields what the service said: `kind` where it is known,
-- `code`, `message`, `hint`, `retry_after`; nil: nothing that can be read
-- @treturn table the fields of a failure
function _M.refuse(status, fields)
  local said = fields or {}
  if not said.kind then
    said.kind = status == 429 and "rate_limit" or fields and "api" or "http"
  end
  said.status = status
  said.message = said.message or "the service did not take it"
  if said.retryable == nil then
    said.retryable = said.kind == "rate_limit" or is_retryable(status)
  end
  return said
end

--- Reads a reply in which a number says how it went.
-- @tparam integer status of HTTP
-- @tparam ?table reply decoded; nil: it is not JSON
-- @tparam string code the name of the number, 0 for success
-- @tparam string message the name of its words
-- @tparam table meanings by number: `kind`, `hint`, `retryable`, `retry_after`
-- @treturn ?table the fields of a failure; nil: it was taken
function _M.read(status, reply, code, message, meanings)
  local number = reply and reply[code]
  if type(number) ~= "number" then
    return _M.refuse(status, status == 200
      and { kind = "decode", message = "the reply is not the service's" }
      or nil)
  elseif number == 0 and status == 200 then
    return nil
  end
  local meaning = meanings[number] or {}
  return _M.refuse(status, {
    kind = meaning.kind, code = number, message = reply[message],
    hint = meaning.hint, retryable = meaning.retryable,
    retry_after = meaning.retry_after,
  })
end

--- Decodes a reply.
-- @function decode
-- @tparam string text
-- @treturn ?table nil where it is not a JSON object or array
_M.decode = json.decode

return _M
