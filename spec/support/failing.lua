-- SPDX-License-Identifier: MIT
--- Makes calls of every service that fail, and checks the whole failure, that
-- it shows no secret, and that the next call of the same client succeeds.
local assert = require "luassert"
local balance = require "balance"
local core = require "balance.core"
local failure = require "balance.failure"
local faults = require "support.faults"
local retry = require "balance.retry"

local _M = {}

_M.providers = { "tempolor", "udio", "tencent" }

_M.keys = {
  tempolor = { api_key = "Tempo-s3cr3t-3w" },
  udio = { api_key = "ud10-s3cr3t" },
  tencent = {
    secret_id = "AKIDs3cr3t", secret_key = "s3cr3tK3y", token = "s3cr3tT0k3n",
  },
}

local real_random = retry.random

--- Before each test: retries have no pause.
function _M.without_pauses()
  retry.random = function() return 0 end
end

--- After each test.
function _M.with_pauses()
  retry.random = real_random
end

--- A client whose services are all at one port of the server: "plain", "tls"
-- or "http2". It retries once.
function _M.client(port)
  faults.endpoint()
  local endpoint = (port == "plain" and "http://127.0.0.1:"
    or "https://localhost:") .. faults.ports[port]
  local settings = { retries = 1, rate = false, http2 = port == "http2",
    ca_file = os.getenv "SSL_CERT_FILE", timeout = 50 }
  for _, name in ipairs(_M.providers) do
    settings[name] = { endpoint = endpoint }
    for option, value in pairs(_M.keys[name]) do
      settings[name][option] = value
    end
  end
  return balance.new(settings)
end

local function assert_no_secret(value, secrets)
  if type(value) == "table" then
    for key, item in pairs(value) do
      assert_no_secret(key, secrets)
      assert_no_secret(item, secrets)
    end
  end
  for _, secret in pairs(secrets) do
    local text = tostring(value)
    assert.is_nil(text:find(secret, 1, true), text)
  end
end

--- Checks all that is promised of a failure. `expected` has its `kind`; its
-- `message`, or in `says` a pattern for it; `retryable` and `attempts` where
-- they do not follow from the kind; and where there are some `status`, `code`,
-- `retry_after` and the beginning of its `hint`.
function _M.check(err, provider, expected)
  assert.equal(expected.kind, err.kind, tostring(err))
  assert.equal(provider, err.provider)
  local retryable = expected.retryable
  if retryable == nil then
    retryable = failure.kinds[expected.kind]
  end
  assert.equal(retryable, err.retryable)
  assert.equal(expected.attempts or retryable and 2 or 1, err.attempts)
  assert.equal(expected.retry_after, err.retry_after)
  for _, name in ipairs { "message", "status", "code" } do
    if expected[name] ~= nil then
      assert.equal(expected[name], err[name])
    end
  end
  if expected.says then
    assert.matches(expected.says, err.message)
  end
  if expected.hint then
    assert.matches("^" .. expected.hint, err.hint)
  end
  local line = tostring(err)
  assert.is_true(#err.message > 0 and #line < 700, line)
  assert.is_nil(line:find("%c"), line)
  assert_no_secret(err, _M.keys[provider])
  assert_no_secret(line, _M.keys[provider])
end

--- Checks that the call of one service fails as expected with the fault that
-- `expected` names, and succeeds afterwards.
function _M.fails(client, provider, expected)
  faults.choose(expected.fault or "say", expected.bytes)
  local before = core.now()
  local result, err = client[provider](expected.options)
  assert.is_nil(result)
  _M.check(err, provider, expected)
  -- It did not hang. Under valgrind a flood of pings takes ten seconds.
  assert.is_true(core.now() - before < 40)
  faults.choose "none"
  result, err = client[provider]()
  assert.is_nil(err)
  assert.equal(1, result.attempts)
  assert.not_equal(6.66, result.available) -- an answer to no request
end

--- The same for every service.
function _M.all_fail(client, expected)
  for _, provider in ipairs(_M.providers) do
    _M.fails(client, provider, expected)
  end
end

return _M
