-- SPDX-License-Identifier: MIT
--
-- A script that makes calls with keys, drops its client and then sleeps, so
-- that a spec can read its memory. Arguments: a directory with a file for each
-- key, to which it writes its pid; "succeed" or "fail"; an endpoint; and maybe
-- "http2", with which it also closes its connections.
local directory, what, endpoint, http2 = arg[1], arg[2], arg[3],
  arg[4] == "http2"

local read = assert(package.loadlib(
  os.getenv "BALANCE_BUILD" .. "/spec/secret.so", "luaopen_secret"))()
local keys = {}
for _, name in ipairs { "tempolor", "udio", "secret_id", "secret_key",
  "token" } do
  keys[name] = read(directory .. "/" .. name)
end

local balance = require "balance"
local core = require "balance.core"
local variant = require("support.variant").call

local function options_of(provider)
  local options = { endpoint = endpoint, http2 = http2, retries = 0 }
  if provider == "tencent" then
    options.secret_id, options.secret_key, options.token =
      keys.secret_id, keys.secret_key, keys.token
  else
    options.api_key = keys[provider]
  end
  return options
end

-- Sends the key as the password of HTTP Basic, which the sandbox refuses.
balance.register {
  name = "basic", unit = "credit", endpoint = "https://localhost",
  credentials = { { name = "password" } },
  request = function(config)
    return { path = "/api/v2/credits",
      basic = { "user-of-a-spec", config.password } }
  end,
  read = function() end,
}

local function call_basic()
  local _, err = balance.basic { endpoint = endpoint, http2 = http2,
    password = keys.udio, retries = 0 }
  assert(err.kind == "auth", err)
end

local providers = { "tempolor", "udio", "tencent" }
local ways = {}

-- The keys are given in every possible way.
function ways.succeed()
  local client = balance.new { rate = 1000, cache = { ttl = 0.001 },
    trace = function() end }
  for _, provider in ipairs(providers) do
    local options = options_of(provider)
    assert(balance[provider](options))
    assert(client[provider](options))
    assert(balance.new({ [provider] = options })[provider]())
    assert(balance[provider] { endpoint = endpoint,
      credentials = function() return options end })
  end
  call_basic()
  -- Many at once, so that one call does not reuse the memory of another.
  local accounts = {}
  for i = 1, 60 do
    local provider = providers[i % 3 + 1]
    accounts[i] = options_of(provider)
    accounts[i].provider = provider
  end
  local _, failures = client:all(accounts)
  assert(not next(failures))
end

function ways.fail()
  call_basic()
  for _, provider in ipairs(providers) do
    for _, answer in ipairs { "http-503", "http-401", "http-302", "http-444",
      "html-200", "big", "body:{" } do
      assert(not variant(provider, { ["X-Sandbox-Answer"] = answer },
        options_of(provider)))
    end
    for _, change in ipairs {
      { endpoint = "https://127.0.0.1:1" }, -- no server
      { endpoint = "https://" .. ("x"):rep(64) }, -- too long for a name
      { endpoint = "http://example.com" }, -- refused, as it is not TLS
      { ca_file = "LICENSE" }, -- has no certificate
      { proxy = "http://127.0.0.1:1" },
      { timeout = 1e-3 },
      { api_key = "refused", secret_key = "refused" },
      { region = "\n" },
    } do
      local options = options_of(provider)
      for name, value in pairs(change) do
        local is_known = provider == "tencent" and name ~= "api_key"
          or provider ~= "tencent" and name ~= "secret_key"
            and name ~= "region"
        options[name] = is_known and value or options[name]
      end
      balance[provider](options)
    end
  end
end

-- An error is raised wherever a string of Lua is about to be made from C
-- memory: by the hook of the call that makes it.
function ways.raise()
  local function raises(body, ...)
    local known = { [pcall] = true, [body] = true, [debug.sethook] = true }
    debug.sethook(function()
      if not known[debug.getinfo(2, "f").func] then
        error("raised", 0)
      end
    end, "c")
    local ok, message = pcall(body, ...)
    debug.sethook()
    assert(not ok and message == "raised", message)
  end
  raises(core.sign, { secret_id = keys.secret_id, service = "billing",
    secret_key = keys.secret_key, host = "example.com", token = keys.token })
  for name in pairs(keys) do
    raises(core.read_file, directory .. "/" .. name, 1000)
  end
end

ways[what]()
if http2 then
  core.transport():close()
end
balance, variant = nil, nil -- luacheck: ignore
collectgarbage()
collectgarbage()

local file = assert(io.open "/proc/self/stat")
local pid = file:read "*n"
file:close()
file = assert(io.open(directory .. "/pid.new", "w"))
assert(file:write(pid, "\n"))
assert(file:close())
assert(os.rename(directory .. "/pid.new", directory .. "/pid"))
while keys do
  core.sleep(60)
end
