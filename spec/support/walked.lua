-- SPDX-License-Identifier: MIT
--
-- The code that spec/c/walk_host.c runs, usually with an allocation that
-- fails: it loads the module, and asks each service, and all of them at once.
-- A call may fail, but a result must be the sandbox's. Returns whether every
-- call succeeded.
local endpoint, limit, all_is_well = ...
local http2 = endpoint == os.getenv "UDIO_ENDPOINT" -- the only one with HTTP/2

-- Lua 5.1 does not load a module again whose first load failed.
for name, loaded in pairs(package.loaded) do
  if type(loaded) == "userdata" then
    package.loaded[name] = nil
  end
end

local accounts = require "sandbox.accounts"
local balance = require "balance"
local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local failure = require "balance.failure"

local bench = accounts.tencent.bench -- has no rate limit

local calls = {
  { name = "tempolor", field = "balance", value = 776.56, options = {} },
  { name = "udio", field = "credits", value = 195, options = {} },
  { name = "tencent", field = "Balance", value = 4200, options = {
    secret_id = bench.secret_id, secret_key = bench.secret_key, rate = false,
  } },
}

local complete = true

local function check(call, result, err)
  if result then
    if result.provider ~= call.name or result[call.field] ~= call.value
      or result.available ~= call.value then
      error("a wrong result of " .. call.name)
    end
    return
  end
  complete = false
  local is_told = type(err) == "table" and err.kind ~= "config"
    and err.kind ~= "tls" -- neither of them is wrong here
  if not is_told or failure.kinds[err.kind] == nil
    or not tostring(err):find(call.name, 1, true) then
    error("a wrong failure of " .. call.name)
  end
end

local accounts_of_all = {}
for _, call in ipairs(calls) do
  local options = call.options
  options.endpoint, options.http2 = endpoint, http2
  options.timeout, options.retries = limit, 0
  accounts_of_all[call.name] = options
end
local results, failures = balance.all(accounts_of_all)
for _, call in ipairs(calls) do
  check(call, results[call.name], failures[call.name])
end
if all_is_well then
  return complete
end

for _, call in ipairs(calls) do
  check(call, balance[call.name](call.options))
end

local function start(headers, rival)
  return core.transport():start {
    endpoint = endpoint, path = "/api/v2/credits", headers = headers,
    authorization = accounts.udio.main.api_key, scheme = "Bearer",
    timeout = limit, connect_timeout = limit, http2 = http2,
    ca_file = os.getenv "SSL_CERT_FILE",
    watch = not rival, fresh = rival ~= nil, rival = rival,
  }
end

-- A kept connection that is closed before an answer, and the second try.
local transfer = start { ["X-Sandbox-Answer"] = "http-444" }
if transfer and blocking.wait(transfer) and transfer:result().status then
  error "a wrong answer: there was none"
end

-- A file is read whole or not at all.
local text = core.read_file("LICENSE", 65536)
if text and not text:find "WITH THE SOFTWARE" then
  error "a part of a file"
end

-- A slow transfer over a kept connection, and its rival, which ends it.
local slow = start { ["X-Sandbox-Delay"] = "1000" }
core.transport():step()
local rival = slow and start(nil, slow)
if rival and blocking.wait(rival) and not rival:result().kind
  and not slow:done() then
  error "a wrong end: the other one was answered"
end

-- A transfer that is under way when the state is closed.
transfer = start { ["X-Sandbox-Delay"] = "1000" }
core.transport():step()
return complete and transfer ~= nil
