-- SPDX-License-Identifier: MIT
--
-- Whatever a program gives as settings, options and environment, it gets a
-- mistake raised in our own words, or a failure, or a request to an endpoint
-- that is fit for a key. The whole client runs, up to where the network would
-- begin.
--
-- An input is strings with bars between them, and from the end bytes that
-- say what to make of them.
local core = require "balance.core"

-- A clock that only sleeping moves.
local now = 0
function core.now() return now end
function core.sleep(seconds) now = now + seconds end

local real, stub = core.transport(), {}
function core.transport() return stub end

local balance = require "balance"
local failure = require "balance.failure"
local input = require "fuzz.input"
local promise = require "fuzz.promise"

local secret = "KEY-of-the-caller" -- in the dictionary

local environment -- of the current input

function os.getenv(name) -- luacheck: ignore 122
  return environment[name]
end
function core.read_file()
  return nil, "missing" -- there is no file here
end

local loop = {
  wait = function() error "nothing was started" end,
  sleep = core.sleep,
  gather = function(functions)
    for _, each in ipairs(functions) do
      each()
    end
  end,
}

-- -- where a key may go ------------------------------------------------------

local function is_loopback(host)
  return host:find "^127%.%d+%.%d+%.%d+$" or host:lower() == "localhost"
    or host == "[::1]"
end

-- What src/endpoint.c takes, judged by other means.
local function check_endpoint(text)
  local origin, header = endpoint(text)
  if not origin then
    promise.is_text(header, { secret }, "what is wrong")
    return nil
  end
  promise.that(text:find "^%a+://[%w._:%[%]-]+/?$",
    "an endpoint is scheme, host and port", text)
  local scheme, authority = origin:match "^(%l+)://([^/]+)$"
  promise.that(authority == header, "origin and Host agree", origin)
  local host, port = header:match "^(.-):(%d*)$"
  if not host or header:find "%]$" then
    host, port = header, nil
  end
  promise.that(host:find "^[%w._-]+$" or host:find "^%[[%x:.]+%]$",
    "a host is a name or an address", host)
  promise.that(not port or tonumber(port) and tonumber(port) <= 65535,
    "a port is one", port)
  promise.that(scheme == "https" or scheme == "http" and is_loopback(host),
    "a key goes over TLS, or does not leave the machine", origin)
  return origin
end

-- -- what may be asked ------------------------------------------------------

local option_names = {
  "timeout", "connect_timeout", "ca_file", "ca_path", "proxy", "retries",
  "rate", "cache", "trace", "endpoint", "credentials", "api_key", "secret_id",
  "secret_key", "token", "temp_credit", "region", "language", "site",
  "profile", "credentials_file", "cvm_role", "http2",
}
local setting_names = {
  "timeout", "connect_timeout", "ca_file", "ca_path", "proxy", "retries",
  "rate", "cache", "trace", "loop", "http2",
}
local variables = {
  "TEMPOLOR_API_KEY", "UDIO_API_KEY", "TENCENTCLOUD_SECRET_ID",
  "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN",
  "TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY",
  "TENCENTCLOUD_SESSIONTOKEN", "TEMPOLOR_ENDPOINT", "UDIO_ENDPOINT",
  "TENCENT_ENDPOINT", "SSL_CERT_FILE", "SSL_CERT_DIR", "HOME",
  "TENCENTCLOUD_CREDENTIALS_FILE", "TENCENTCLOUD_PROFILE", "TCCLI_PROFILE",
}
local providers = { "tempolor", "udio", "tencent" }

local numbers = { 0, 1, -1, 2, 5, 10, 0.5, 1e-3, 86400, 86401, 2.5, 1e-300,
  1e300, math.huge, -math.huge, 0 / 0, math.maxinteger, math.mininteger }

local make -- a table of values by names

local function value(bytes, depth)
  local kind = bytes:byte() % 12
  if kind < 6 or depth == 0 then
    local text = bytes:field()
    check_endpoint(text)
    return text
  elseif kind == 6 then
    return bytes:choose(numbers)
  elseif kind == 7 then
    return bytes:byte() % 2 == 0
  elseif kind == 8 then
    local list = {}
    for i = 1, bytes:byte() % 4 do
      list[i] = value(bytes, depth - 1)
    end
    return list
  elseif kind == 9 then
    return make(bytes, option_names, depth - 1)
  elseif kind == 10 then
    return make(bytes, { "ttl", "stale", "store",
      "refresh_timeout", "stale_first", "wait", "get" }, depth - 1)
  end
  local first, second = value(bytes, depth - 1), value(bytes, depth - 1)
  return function() return first, second end
end

function make(bytes, names, depth)
  local made = {}
  for _ = 1, bytes:byte() % 8 do
    local chosen = bytes:byte()
    local name = chosen == 255 and value(bytes, 1)
      or names[chosen % #names + 1]
    if name == name then
      made[name] = value(bytes, depth)
    end
  end
  return made
end

-- -- what may be answered ---------------------------------------------------

function stub.start(_, request)
  local origin = check_endpoint(request.endpoint)
  local transfer, kind, message = real:start(request)
  -- a directory is no file with certificates
  local is_unfit = origin and kind == "config"
    and message:find "^the trusted certificates"
  local is_clear = request.clear_host
    and request.endpoint == "http://" .. request.clear_host
  promise.that((transfer ~= nil) == (origin ~= nil or is_clear == true)
    or is_unfit, "what is accepted can be started", message)
  if not transfer then
    return nil, kind, message
  end
  transfer:close()
  return nil, "network", "the network begins here"
end

-- A name that is not known is repeated, so Lua's words may be the input's.
local function is_mistake(message, prefix, data)
  promise.that(type(message) == "string" and message:find(prefix, 1, true)
    == 1, "a mistake is named in our own words", message)
  for _, words in ipairs { "attempt to", "bad argument", "stack overflow" } do
    promise.that(data:find(words, 1, true)
      or not message:find(words, 1, true), "a mistake is not Lua's", message)
  end
end

-- A name that is not known is repeated, a loop's too, so it is no place for a
-- secret.
local function has_secret_name(t)
  for name, item in pairs(t) do
    if type(name) == "string" and name:find(secret, 1, true) or name == "loop"
      or type(item) == "table" and has_secret_name(item) then
      return true
    end
  end
end

-- Where keys were looked for is told, and so is a profile.
local function has_secret_place(t)
  for _, name in ipairs { "profile", "credentials_file" } do
    local place = type(t) == "table" and t[name]
    if type(place) == "string" and place:find(secret, 1, true) then
      return true
    end
  end
  for _, name in ipairs { "TENCENTCLOUD_CREDENTIALS_FILE", "HOME" } do
    local place = environment[name]
    if place and place:find(secret, 1, true) then
      return true
    end
  end
end

local function check(data, given, ok, first, second, prefix, settings)
  if not ok then
    is_mistake(first, prefix, data)
    promise.that(has_secret_name(given) or not first:find(secret, 1, true),
      "a mistake shows no key", first)
  elseif prefix ~= "balance.new: " then
    promise.that(first == nil, "nobody answers here", first)
    -- what a function says of its keys are the program's own words
    local is_own = second.message:find("^option 'credentials': ")
    local is_told = is_own or has_secret_place(given)
      or has_secret_place(settings)
    promise.is_failure(second, failure.kinds, is_told and {} or { secret })
    promise.that(second.kind == "config" or second.kind == "network"
      or second.kind == "rate_limit", "it ends where it should", second.kind)
  end
end

return function(data)
  local bytes = input.new(data)
  environment = {}
  for _ = 1, bytes:byte() % 4 do
    environment[bytes:choose(variables)] = bytes:field():match "^%Z*"
  end
  local name = bytes:choose(providers)
  local settings = make(bytes, setting_names, 3)
  settings[name] = bytes:byte() % 2 == 1 and value(bytes, 3) or nil
  local ok, client = pcall(balance.new, settings)
  check(data, settings, ok, client, nil, "balance.new: ")
  if not ok then
    return
  end
  -- one that has its own clock, and does not wait
  settings.loop = loop
  client = balance.new(settings)
  local options = make(bytes, option_names, 3)
  local first, second
  ok, first, second = pcall(client[name], options)
  check(data, options, ok, first, second, ("balance.%s: "):format(name),
    settings[name])
end
