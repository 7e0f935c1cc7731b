-- SPDX-License-Identifier: MIT
local balance = require "balance"
local accounts = require "sandbox.accounts"
local faults = require "support.faults"
local process = require "support.process"
local variant = require("support.variant").call

local tencent = accounts.tencent

-- Runs code with `settings` before the environment of the specs.
local function with_environment(settings, code)
  local output, status = process.run_lua(
    'local balance = require "balance"\n' .. code, settings)
  assert.equal(0, status, output)
  return output
end

-- Code of a call that prints its failure.
local function failure_with(settings, call)
  return with_environment(settings,
    "local r, err = " .. call .. " io.write(err and err.kind .. ': '"
      .. " .. err.message or 'none')")
end

describe("options", function()
  it("of the call win over the client's, these over the environment",
    function()
      local client = balance.new {
        tempolor = { api_key = accounts.tempolor.whole.api_key },
        udio = { api_key = "of the client" },
      }
      assert.equal(1200, client:tempolor().balance)
      assert.equal(776.56, balance.tempolor().balance)
      assert.equal("auth", select(2, client:udio()).kind)
      assert.equal(195, client:udio({
        api_key = accounts.udio.main.api_key,
      }).credits)
    end)

  it("take keys from one place, all together", function()
    local _, err = balance.tencent { secret_id = tencent.main.secret_id }
    assert.equal("config", err.kind)
    assert.matches("'secret_key' is missing", err.message)
    -- a blank key is not replaced by the environment's, another account's
    -- maybe
    for _, blank in ipairs { "", "  " } do
      err = select(2, balance.udio { api_key = blank })
      assert.equal("config", err.kind)
      assert.matches("'api_key' is missing or empty", err.message)
    end
    -- a token of the environment does not go with keys of the call
    local id, key = tencent.main.secret_id, tencent.main.secret_key
    assert.equal("none", failure_with("TENCENTCLOUD_TOKEN=other",
      ("balance.tencent { secret_id = %q, secret_key = %q }"):format(id, key)))
    assert.matches("auth", failure_with("TENCENTCLOUD_TOKEN=other",
      "balance.tencent()"))
  end)

  it("trim what a copied key has around it", function()
    assert.equal(195, balance.udio({
      api_key = "  " .. accounts.udio.main.api_key .. "\n",
    }).credits)
  end)

  it("without a key name what was looked at, and no value", function()
    assert.equal("config: no key: give api_key, or set UDIO_API_KEY in the "
      .. "environment", failure_with("UDIO_API_KEY=", "balance.udio()"))
    assert.matches("^config: no key: give secret_id and secret_key, or set "
      .. "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY",
      failure_with("env -u TENCENTCLOUD_SECRET_ID", "balance.tencent()"))
  end)

  it("with a value that cannot be are a config failure", function()
    for _, options in ipairs {
      { api_key = ("k"):rep(70000) }, { ca_file = "/no/such" },
      { endpoint = "http://example.com" }, { endpoint = "" },
    } do
      local result, err = balance.udio(options)
      assert.is_nil(result)
      assert.equal("config", err.kind)
      assert.is_false(err.retryable)
    end
  end)

  it("choose the host of the site", function()
    local configs = require "balance.config"
    for site, host in pairs { intl = "billing.intl.tencentcloudapi.com",
      cn = "billing.tencentcloudapi.com" } do
      local provider = {}
      for name, value in pairs(require "balance.provider.tencent") do
        provider[name] = value
      end
      provider.endpoint_variable = nil -- it names the sandbox
      assert.equal("https://" .. host,
        configs.resolve(provider, configs.base(provider, {}),
          { site = site }).endpoint)
    end
  end)

  it("of a wrong type or name raise at the caller's line", function()
    local client = balance.new()
    for _, mistake in ipairs {
      { { api_keys = "x" }, "unknown option 'api_keys'" },
      { { api_key = 1 }, "'api_key' must be a string, not a number" },
      { { timeout = "1" }, "'timeout' must be a number, not a string" },
      { { temp_credit = true }, "unknown option 'temp_credit'" },
      { { [1] = "x" }, "unknown option '1'" },
      { "key", "options must be a table, not a string" },
      { false, "options must be a table" },
    } do
      for _, call in ipairs { balance.udio, client.udio,
        function(options) return (client:udio(options)) end } do
        local line = debug.getinfo(1, "l").currentline + 1
        local ok, message = pcall(function() return (call(mistake[1])) end)
        assert.is_false(ok)
        assert.matches(mistake[2], message, 1, true)
        if call == balance.udio then
          assert.matches("client_spec.lua:" .. line .. ":", message, 1, true)
        end
      end
    end
  end)

  it("may be left out, or be nil", function()
    assert.is_table(balance.udio(nil))
    assert.is_table(balance.udio {})
  end)

  it("name another trust store in the environment too", function()
    assert.matches("^tls: ", failure_with("env -u SSL_CERT_FILE",
      "balance.udio()"))
    assert.equal("none", failure_with("", "balance.udio()"))
    assert.equal("none", failure_with("env -u SSL_CERT_FILE",
      "balance.udio { ca_file = " .. ("%q"):format(os.getenv "SSL_CERT_FILE")
        .. " }"))
  end)
end)

describe("balance.new()", function()
  it("makes a client whose methods take a dot or a colon", function()
    local client = balance.new { timeout = 5 }
    assert.equal(195, client.udio().credits)
    assert.equal(195, client:udio().credits)
    assert.equal(200,
      client:udio({ api_key = accounts.udio.unused.api_key }).credits)
    assert.is_nil(client.nobody)
  end)

  it("raises at the caller's line for a mistake", function()
    for _, mistake in ipairs {
      { { udio = { key = "x" } }, "udio: unknown option 'key'" },
      { { udio = "x" }, "'udio' must be a table, not a string" },
      { { api_key = "x" }, "unknown setting 'api_key'" },
      { { timeout = "x" }, "setting 'timeout' must be a number" },
      { 7, "settings must be a table" },
    } do
      local line = debug.getinfo(1, "l").currentline + 2
      local ok, message = pcall(function()
        return (balance.new(mistake[1])) end)
      assert.is_false(ok)
      assert.matches(mistake[2], message, 1, true)
      assert.matches("client_spec.lua:" .. line .. ":", message, 1, true)
    end
  end)

  it("keeps its settings to itself", function()
    local client = balance.new { udio = { api_key = "s3cr3t" } }
    client:udio()
    local seen = { tostring(client), tostring(getmetatable(client)) }
    for name, value in pairs(client) do
      seen[#seen + 1] = tostring(name) .. tostring(value)
    end
    seen[#seen + 1] = require("cjson").encode(client)
    assert.is_nil(table.concat(seen):find("s3cr3t", 1, true))
    assert.equal("{}", seen[#seen])
  end)

  it("takes options from behind a metatable", function()
    local real = { api_key = "behind-a-metatable" }
    local proxy = setmetatable({},
      { __index = real, __pairs = function() return next, real end })
    local _, err = balance.new({ udio = proxy }).udio()
    assert.equal("auth", err.kind)
  end)

  it("does not mind that its settings are changed afterwards", function()
    local settings = { timeout = 5, udio = { timeout = 5 } }
    local client = balance.new(settings)
    settings.timeout = -1
    settings.udio.timeout = "x"
    assert.is_table(client:udio())
  end)
end)

describe("a failure", function()
  it("of the transport has its kind, its hint and libcurl's code", function()
    local _, err = balance.udio { endpoint = "https://127.0.0.1:1" }
    assert.equal("connect", err.kind)
    assert.equal(7, err.code)
    assert.is_true(err.retryable)
    assert.is_nil(err.status)
    _, err = balance.udio { ca_file = "LICENSE" }
    assert.is_false(err.retryable)
    _, err = balance.udio { ca_path = "spec" }
    assert.equal("tls", err.kind)
    assert.matches("ca_file", err.hint)
  end)

  it("of a gateway between is told by its status", function()
    for status, expected in pairs {
      [301] = { "http", false }, [400] = { "http", false },
      [401] = { "http", false }, [403] = { "http", false },
      [404] = { "http", false }, [408] = { "http", true },
      [425] = { "http", true }, [429] = { "rate_limit", true },
      [500] = { "http", true }, [501] = { "http", false },
      [502] = { "http", true }, [503] = { "http", true },
      [504] = { "http", true }, [505] = { "http", false },
    } do
      for name, account in pairs { tempolor = accounts.tempolor.main,
        udio = accounts.udio.main, tencent = tencent.bench } do
        local options = { api_key = account.api_key,
          secret_id = account.secret_id, secret_key = account.secret_key }
        local result, err = variant(name,
          { ["X-Sandbox-Answer"] = "http-" .. status }, options)
        assert.is_nil(result)
        assert.equal(expected[1], err.kind, name .. status)
        assert.equal(expected[2], err.retryable, name .. status)
        assert.equal(status, err.status)
        assert.matches("gateway", err.hint)
      end
    end
    local _, err = variant("udio", { ["X-Sandbox-Answer"] = "html-200" })
    assert.equal("decode", err.kind)
    assert.matches("gateway", err.hint)
    _, err = variant("udio", { ["X-Sandbox-Answer"] = "redirect" })
    assert.equal("http", err.kind)
  end)

  it("says when to ask again, in seconds or as a date", function()
    local function retry_after(value)
      local _, err = variant("udio", { ["X-Sandbox-Answer"] = "429",
        ["X-Sandbox-Retry-After"] = value })
      return err.retry_after
    end
    assert.equal(120, retry_after "120")
    local seconds = retry_after(os.date("!%a, %d %b %Y %H:%M:%S GMT",
      os.time() + 90))
    assert.is_true(seconds >= 87 and seconds <= 90)
    assert.equal(0, retry_after "Wed, 21 Oct 2015 07:28:00 GMT")
    assert.equal(86400, retry_after(("9"):rep(400)))
    assert.is_nil(retry_after "soon")
    assert.is_nil(retry_after "-5")
  end)

  it("holds no key, whatever the service says", function()
    local key = accounts.udio.main.api_key
    local _, err = variant("udio", { ["X-Sandbox-Answer"] =
      'body:{"code":403,"message":"key ' .. key .. ' of Bearer ' .. key
        .. ' is bad"}' })
    assert.equal("key *** of Bearer *** is bad", err.message)
    local _, refused = balance.tencent {
      secret_id = tencent.main.secret_id, secret_key = "wr0ng-s3cr3t",
    }
    assert.is_nil(tostring(refused):find("wr0ng-s3cr3t", 1, true))
  end)

  it("holds no key that was given with its scheme before it", function()
    local secrets = require("balance.secrets").of(
      require "balance.provider.tempolor", { api_key = "Bearer s3cr3t-k3y" })
    local err = require("balance.failure").of_call("tempolor",
      { kind = "auth", message = "Bearer s3cr3t-k3y: no s3cr3t-k3y here" },
      secrets)
    assert.equal("***: no *** here", err.message)
  end)
end)

describe("a call", function()
  it("names itself in User-Agent", function()
    balance.register {
      name = "agent", unit = "credit", endpoint = faults.endpoint(),
      credentials = {},
      request = function() return { path = "/agent" } end,
      read = function(_, body)
        return { agent = body.agent, left = 0, available_from = "left" }
      end,
    }
    assert.equal("balance/" .. balance._VERSION, balance.agent().agent)
  end)

  it("works over a loopback address without TLS", function()
    assert.equal(195,
      balance.udio({ endpoint = os.getenv "SANDBOX_PLAIN" }).credits)
  end)

  it("leaves lua-cjson as the caller has set it", function()
    local cjson = require "cjson"
    local before = cjson.decode_invalid_numbers()
    assert.is_table(balance.udio())
    assert.equal(before, cjson.decode_invalid_numbers())
    assert.equal(1000, cjson.decode_max_depth())
  end)
end)
