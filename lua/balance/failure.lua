-- SPDX-License-Identifier: MIT
--- The error value: what a call that went wrong returns beside nil.
-- @module balance.failure

local _M = {}

---@alias balance.Kind
---| "config"     # no key given, a bad value of an option
---| "dns"        # the host's name could not be resolved
---| "connect"    # nobody there, or a proxy that refused
---| "tls"        # no handshake, or a certificate that proves nothing
---| "timeout"    # no complete answer in time
---| "network"    # reset, truncated, or not HTTP
---| "auth"       # the service refused the key
---| "rate_limit" # too many requests
---| "api"        # the service said no
---| "http"       # a status with no readable answer
---| "decode"     # not the JSON that the document promises
---| "too_large"  # more bytes than a balance has
---| "phase"      # an nginx phase that cannot wait
---| "closed"     # cancelled
---| "resource"   # no descriptor, memory, thread or port is left here

--- Every kind, and whether asking again can help where nobody knows better.
_M.kinds = {
  config = false,
  dns = true,
  connect = true,
  tls = false,
  timeout = true,
  network = true,
  auth = false,
  rate_limit = true,
  api = false,
  http = false,
  decode = false,
  too_large = false,
  phase = false,
  closed = false,
  resource = true,
}

--- What a failed call returns.
---@class balance.Failure
---@field provider string
---@field kind balance.Kind
---@field message string the service's own, else what went wrong
---@field code? string|integer the service's own, else libcurl's
---@field status? integer of HTTP, where one came
---@field request_id? string where the service sent one
---@field retryable boolean whether asking again can help
---@field retry_after? number seconds, where the service said so
---@field hint? string what to do, where something is known
---@field attempts? integer how many requests were made

local longest = 300 -- bytes of a stranger's text

-- So many characters of a secret are its beginning, and as bad as all of it.
local telling = 8

-- Where the text has gone along with a secret to the end.
local function last_common(text, first, secret)
  local length = math.min(telling, #secret)
  while length < #secret
    and text:byte(first + length) == secret:byte(length + 1) do
    length = length + 1
  end
  return first + length - 1
end

-- What a signature looks like, and what stands before one, which may be cut
-- short. Looked for no further than text is kept.
local signature, before = ("%x"):rep(64), "Signature="

local function find_signature(text, at)
  local window = text:sub(at, at + longest + #signature)
  local first, last = window:find(signature)
  local name, last_named = window:find(before .. "%x+")
  if name and (not first or name < first) then
    first, last = name + #before, last_named
  end
  if not first then
    return math.huge
  end
  return first + at - 1, last + at - 1
end

-- Where the next secret is, and where it ends. `found` keeps where each one
-- was seen last: a megabyte is searched for it only once.
local function find_secret(text, at, secrets, found)
  local first, last = find_signature(text, at)
  for i, secret in ipairs(secrets) do
    if not found[i] or found[i] < at then
      found[i] = text:find(secret:sub(1, telling), at, true) or math.huge
    end
    if found[i] < first then
      first, last = found[i], 0
    end
    if found[i] == first and first < math.huge then
      last = math.max(last, last_common(text, first, secret))
    end
  end
  return first, last
end

-- Replaces secrets up to where the text would be cut anyway: a megabyte that
-- repeats a short key must not cost more than one that does not.
local function without(text, secrets)
  local pieces, length, at, found = {}, 0, 1, {}
  while length <= longest do
    local first, last = find_secret(text, at, secrets, found)
    if first == math.huge then
      break
    end
    local piece = text:sub(at, math.min(first - 1, at + longest)) .. "***"
    pieces[#pieces + 1] = piece
    length, at = length + #piece, last + 1
  end
  pieces[#pieces + 1] = text:sub(at, at + longest)
  return table.concat(pieces)
end

--- A stranger's text, fit for a log: control characters are spaces, the
-- caller's secrets, their beginnings and what looks like a signature are
-- asterisks, and it ends somewhere. Nothing but space is no text.
-- @param text anything; only strings and numbers come through
-- @tparam {string,...} secrets
-- @treturn ?string
function _M.clean(text, secrets)
  if type(text) == "number" then
    return tostring(text)
  elseif type(text) ~= "string" then
    return nil
  end
  text = without(text, secrets)
  text = text:gsub("[%z\1-\31\127]", " ")
  text = text:gsub("\194[\128-\159]", " ") -- the second set, in UTF-8
  text = without(text, secrets) -- one may have come together only now
  if #text > longest then
    -- not in the middle of a character
    text = text:sub(1, longest):gsub("[\192-\255]?[\128-\191]*$", "") .. "..."
  end
  return text:match("^%s*(%S.-)%s*$")
end

local metatable = { __name = "balance.failure" }

--- One line for a log.
function metatable.__tostring(failure)
  local about = {}
  if failure.code then
    about[#about + 1] = "code " .. failure.code
  end
  if failure.status then
    about[#about + 1] = "HTTP " .. failure.status
  end
  if failure.request_id then
    about[#about + 1] = "request " .. failure.request_id
  end
  local line = ("%s: %s: "):format(failure.provider, failure.kind)
    .. failure.message
  if #about > 0 then
    line = line .. " (" .. table.concat(about, ", ") .. ")"
  end
  if failure.hint then
    line = line .. "; " .. failure.hint
  end
  return line
end

--- Makes one of a table with at least `provider`, `kind` and `message`.
-- @tparam table fields
-- @treturn balance.Failure
function _M.new(fields)
  local retryable = _M.kinds[fields.kind]
  assert(retryable ~= nil, fields.kind)
  if fields.retryable == nil then
    fields.retryable = retryable
  end
  return setmetatable(fields, metatable)
end

return _M
