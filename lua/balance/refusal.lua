-- SPDX-License-Identifier: MIT
--- Answers without a balance: what the failure of one is.
-- @module balance.refusal

local kinds_of_failures = require("balance.failure").kinds
local mistake = require "balance.mistake"
local spelling = require "balance.spelling"

local _M = {}

--- Whether a request that got this HTTP status may be asked again.
-- @tparam integer status
-- @treturn boolean
function _M.is_retryable(status)
  if status >= 500 and status <= 599 then
    return status ~= 501 and status ~= 505
  end
  return status == 408 or status == 425 or status == 429
end

-- Where somebody else than the service puts what there is to say: the first
-- of these that has text. 1 is the first entry of a list.
local places = { "message", "Message", "msg", "detail", "error_description",
  "error", "Error", "errors", "title", 1 }
local max_depth = 4 -- { errors = { { message = "" } } }

local function find_words(value, depth)
  if type(value) == "string" then
    return value:find "[^%z\1-\32\127]" and value or nil
  elseif type(value) ~= "table" or depth == 0 then
    return nil
  end
  for _, place in ipairs(places) do
    local words = find_words(value[place], depth - 1)
    if words then
      return words
    end
  end
end

--- The words of an answer for a person, as they came.
-- @param body what was decoded, or a part of it
-- @treturn ?string
function _M.words(body)
  return type(body) == "table" and find_words(body, max_depth) or nil
end

local kinds = { [401] = "auth", [403] = "auth", [429] = "rate_limit" }

--- The failure of an answer in which the service itself says no. A code that
-- the provider knows decides; with another one the status does.
-- @tparam integer status
-- @tparam ?table known the `kind` of the code, and whether it is `retryable`;
-- nil: nobody knows it
-- @tparam table refused `code`, `message`, `request_id`
-- @treturn table
function _M.refused(status, known, refused)
  known = known
    or { kind = kinds[status] or "api", retryable = _M.is_retryable(status) }
  refused.kind, refused.retryable = known.kind, known.retryable
  return refused
end

--- The failure of an answer that is not the service's own: a gateway's or a
-- proxy's page, or the right status with the wrong body. Only one in JSON may
-- say something about the key.
-- @tparam integer status
-- @tparam ?table body what was decoded, for its words; nil: it was not JSON
-- @treturn table
function _M.not_the_services(status, body)
  local words = _M.words(body)
  if status == 200 then
    return {
      kind = "decode",
      message = "the answer is not the JSON that the document promises"
        .. (words and ": " .. words or ""),
    }
  end
  local kind = "http"
  if status == 429 or status == 401 and body then
    kind = kinds[status]
  end
  return {
    kind = kind,
    message = words or "HTTP status " .. status
      .. " without a readable answer",
    retryable = _M.is_retryable(status),
    hint = body and kind == "http" and "the service documents no such answer,"
      .. " it may be of a gateway in between" or nil,
  }
end

local is_shown = { string = true, number = true }

local function shown(value)
  return is_shown[type(value)] and value or nil
end

--- The fields of the failure that a provider's `read()` returned. Only what it
-- may say of one: its table may be a stranger's.
-- @param refused a table, a message, or nil: it goes by the status
-- @tparam integer status
-- @tparam ?table body what was decoded
-- @treturn table
function _M.read(refused, status, body)
  if refused == nil then
    return _M.not_the_services(status, body)
  elseif type(refused) == "string" then
    return { kind = "api", message = refused }
  elseif type(refused) ~= "table" then
    return mistake.of("read", "returned nil and a " .. type(refused)
      .. ", not a table or a message")
  end
  local kind, retryable = refused.kind, refused.retryable
  if kind == nil then
    return mistake.of("read", "returned a failure without a kind")
  elseif kinds_of_failures[kind] == nil then
    return mistake.of("read", "returned a failure of an "
      .. spelling.unknown("kind", kind, kinds_of_failures))
  elseif type(retryable) ~= "boolean" then
    retryable = nil
  end
  return {
    kind = kind, retryable = retryable, code = shown(refused.code),
    message = shown(refused.message), hint = shown(refused.hint),
    request_id = shown(refused.request_id),
  }
end

return _M
