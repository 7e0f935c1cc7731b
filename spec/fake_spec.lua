-- SPDX-License-Identifier: MIT
--
-- balance.fake: what it is told comes back as a service's answer would.
local balance = require "balance"
local core = require "balance.core"
local failures = require "balance.failure"
local fake = require "balance.fake"
local pages = require "support.readme"
local process = require "support.process"
local providers = require "balance.providers"

-- What a function raises; nil where it does not.
local function raised(body, ...)
  local ok, message = pcall(body, ...)
  return not ok and message or nil
end

describe("balance.fake", function()
  it("is not loaded by require 'balance', and asks nobody", function()
    local output, status = process.run_lua([[
      require "balance"
      assert(not package.loaded["balance.fake"])
      local fake = require "balance.fake"
      local transport = require("balance.core").transport()
      debug.getmetatable(transport).__index.start = error
      local client = fake { udio = { credits = 3 },
        tempolor = { balance = 1.5 }, tencent = { Balance = 300 } }
      print(client:udio().available, client.tempolor().balance,
        client:tencent().available_from)
      for name in pairs(client:all()) do io.write(name, "\n") end
    ]], "env -i PATH=\"$PATH\" LUA_PATH=\"$LUA_PATH\" "
      .. "LUA_CPATH=\"$LUA_CPATH\" UDIO_ENDPOINT=https://127.0.0.1:1 ")
    assert.equal(0, status, output)
    assert.matches("^3\t1.5\tBalance\n", output)
    assert.equal(4, select(2, output:gsub("\n", "")))
  end)

  it("makes a result of the service's fields", function()
    local client = fake { udio = { credits = "3", left = true } }
    local result = client:udio()
    assert.equal(3, result.available)
    assert.same({ "credits" }, result.unexpected)
    assert.is_true(result.left)
    assert.same({ code = 200, message = "success",
      data = { credits = "3", left = true } }, result.raw)
    assert.equal(1, result.attempts)
    assert.is_number(result.fetched_at)
    assert.equal(0, result.timing.total)
  end)

  it("makes up no field of a service", function()
    for provider, place in pairs { udio = "data.credits",
      tempolor = "data.balance", tencent = "Response.Balance" } do
      local result, err = fake({ [provider] = {} })[provider]()
      assert.is_nil(result)
      assert.equal("decode", err.kind)
      assert.equal(("the field %s should be a number, but it is missing")
        :format(place), err.message)
    end
  end)

  it("makes a failure of each kind, cleaned as all are", function()
    for kind, retryable in pairs(failures.kinds) do
      local _, err = fake({ udio = { failure = { kind = kind } } }).udio()
      assert.equal(kind, err.kind)
      assert.equal(retryable, err.retryable)
      assert.equal("udio: " .. kind .. ": made by balance.fake",
        tostring(err))
    end
    local given = { kind = "api", message = "no\n", code = "X.Y",
      status = 418, request_id = "r1", retryable = true, retry_after = 7,
      hint = "wait" }
    local client = fake { tencent = { failure = given } }
    for _ = 1, 2 do
      local _, err = client:tencent()
      given.message = "no"
      given.provider, given.attempts = "tencent", 1
      assert.same(given, core.copy(err))
    end
    local _, err = fake({ udio = { failure = { kind = "auth",
      message = "the key is Zz8KeyToBeCleaned here" } } }).udio {
        api_key = "Zz8KeyToBeCleaned" }
    assert.equal("the key is *** here", err.message)
  end)

  it("makes an answer of any provider", function()
    local name = "fake_acme"
    balance.register { name = name, unit = "point", endpoint = "https://a",
      credentials = { { name = "api_key" } },
      options = { team = "string" },
      request = function() return { path = "/" } end,
      read = function(status, body)
        if status ~= 200 then
          return nil, { kind = "http", message = body.why,
            retryable = true }
        end
        return { points = body.points, available_from = "points" }
      end,
    }
    finally(function()
      balance[name], providers.known[name] = nil, nil
    end)
    local client = fake { [name] = { body = { points = 7 } },
      other = { provider = name, status = 503, body = '{"why":"busy"}',
        headers = { ["retry-AFTER"] = 9 } } }
    assert.equal(7, client[name]({ team = "blue" }).available)
    local err = select(2, client:all()).other
    assert.equal("busy", err.message)
    assert.equal(9, err.retry_after)
    assert.matches("give a status and a body",
      raised(fake, { [name] = { points = 7 } }))
  end)

  it("asks a function for each request, with the call's options", function()
    local seen = {}
    local client = fake({ tencent = function(options)
      seen[#seen + 1] = options
      if #seen == 1 then
        return { status = 503 }
      end
      return { Balance = #seen }
    end, team_b = { provider = "udio", answer = function()
      return { failure = { kind = "dns" } }
    end } }, { retries = 1 })
    local result = client:tencent { site = "cn", timeout = 60 }
    assert.equal(2, result.Balance)
    assert.equal(2, result.attempts)
    assert.same({ { site = "cn", timeout = 60 },
      { site = "cn", timeout = 60 } }, seen)
    assert.equal(3, client:tencent().Balance)
    assert.equal("dns", select(2, client:all { team_b = {
      provider = "udio" } }).team_b.kind)
  end)

  it("has the account's name before its provider's", function()
    local client = fake { udio = { credits = 1 },
      team_b = { provider = "udio", credits = 2 },
      tencent = { Balance = 3 } }
    local asked = { udio = {}, team_b = { provider = "udio" },
      team_c = { provider = "udio" }, tencent = { site = "cn" } }
    local results, failed = client:all(asked)
    assert.is_nil(next(failed))
    assert.equal(1, results.udio.credits)
    assert.equal(2, results.team_b.credits)
    assert.equal(1, results.team_c.credits)
    assert.equal(3, results.tencent.Balance)
    assert.same({ "team_b", "tencent", "udio" },
      pages.names((client:all())))
  end)

  it("makes a call's events, and clients with a cache of their own",
    function()
      local events = {}
      for _, credits in ipairs { 3, 4 } do
        local client = fake({ udio = { credits = credits },
          team_b = { provider = "udio", credits = 10 + credits } }, {
          cache = { ttl = 1000 },
          trace = function(event) events[#events + 1] = event.event end })
        for i = 1, 2 do
          local result = client:udio()
          assert.equal(credits, result.credits)
          assert.equal(i == 2 or nil, result.cached)
          assert.equal(10 + credits, client:all().team_b.credits)
          assert.equal(credits, client.udio({ api_key = "mine" }).credits)
        end
      end
      assert.equal("refresh", events[1])
      assert.equal("attempt", events[2])
    end)

  it("has no pauses, unless they are asked for", function()
    local down = { udio = { status = 500 }, tencent = { Balance = 1 } }
    local _, err = fake(down):udio()
    assert.equal(1, err.attempts)
    _, err = fake(down, { retries = 1 }):udio()
    assert.equal(2, err.attempts)
    for rate, expected in pairs { [false] = false, [0.1] = true } do
      local client = fake(down, { rate = rate or nil, timeout = 0.5 })
      for _ = 1, 30 do
        _, err = client:tencent()
      end
      assert.equal(expected, err ~= nil)
    end
  end)

  it("stands for the module in a script's tests", function()
    local output, status = process.run_lua([[
      local script = os.tmpname()
      local file = io.open(script, "w")
      file:write 'local balance = require "balance"\n'
      file:write 'print(balance.udio().credits)\n'
      file:write 'local client = balance.new and balance.new { timeout = 2 }\n'
      file:write 'print(client and client:udio().credits)\n'
      file:close()
      local fake = require "balance.fake"
      local answers = { udio = { credits = 3 } }
      local faked = fake(answers)
      package.loaded.balance = faked
      dofile(script)
      package.loaded.balance = { udio = faked.udio,
        new = function(settings) return fake(answers, settings) end }
      dofile(script)
      os.remove(script)
    ]], "UDIO_ENDPOINT=https://127.0.0.1:1")
    assert.equal(0, status, output)
    assert.equal("3\nnil\n3\n3\n", output)
  end)
end)

describe("a mistake in balance.fake", function()
  local function line_of(body, ...)
    local line = debug.getinfo(body, "S").linedefined + 1
    local message = assert(raised(body, ...))
    assert.matches("fake_spec.lua:" .. line .. ": ", message, 1, true)
    return message
  end

  it("is raised at the caller's line, by its name", function()
    for expected, given in pairs {
      ["answers must be a table, not a nil"] = false,
      ["udoi: unknown provider 'udoi'; did you mean 'udio'?"] =
        { udoi = {} },
      ["udio: an answer must be a table or a function, not a number"] =
        { udio = 3 },
      ["udio: unknown kind 'time_out'; did you mean 'timeout'?"] =
        { udio = { failure = { kind = "time_out" } } },
      ["udio: a failure must have a 'kind'"] = { udio = { failure = {} } },
      ["udio: unknown failure field 'mesage'; did you mean 'message'?"] =
        { udio = { failure = { kind = "api", mesage = "x" } } },
      ["udio: failure field 'retry_after' must be a number from 0 to 86400"] =
        { udio = { failure = { kind = "api", retry_after = -1 } } },
      ["udio: answer field 'failure' must be a table, not a string"] =
        { udio = { failure = "timeout" } },
      ["udio: unknown answer field 'credits'"] =
        { udio = { failure = { kind = "api" }, credits = 3 } },
      ["udio: unknown answer field 'stauts'; did you mean 'status'?"] =
        { udio = { body = "", stauts = 503 } },
      ["udio: answer field 'status' must be a whole number from 200 to 599"] =
        { udio = { status = 99 } },
      ["udio: answer field 'headers' must have strings by their names"] =
        { udio = { status = 503, headers = { "Retry-After: 3" } } },
      ["udio: answer field 'body': Cannot serialise function"] =
        { udio = { credits = print } },
      ["udio: answer field 'body': a number has more than 14 digits"] =
        { udio = { credits = 12345678901234.56 } },
      ["unknown setting 'retrys'; did you mean 'retries'?"] = { retrys = 1 },
    } do
      local settings = type(given) == "table" and given.retrys and given
      local message = line_of(function()
        local client = fake(settings and {} or given or nil, settings or {})
        return client
      end)
      assert.matches(": balance.fake: " .. expected, message, 1, true)
    end
  end)

  it("is raised where an account without an answer is asked", function()
    local client = fake { udio = { credits = 3 },
      team_b = { provider = "tencent", Balance = 3 } }
    assert.matches("balance.tempolor: balance.fake has no answer of "
      .. "'tempolor'", line_of(function()
        local result = client:tempolor()
        return result
      end), 1, true)
    assert.matches("balance.tencent: balance.fake has no answer of 'tencent'",
      line_of(function()
        local result = client.tencent {}
        return result
      end), 1, true)
    assert.matches("balance.all: team_c: balance.fake has no answer of "
      .. "'tencent'", line_of(function()
        local results = client:all { team_c = { provider = "tencent" } }
        return results
      end), 1, true)
    assert.matches("did you mean 'timeout'?", line_of(function()
      local result = client:udio { timout = 1 }
      return result
    end), 1, true)
  end)

  it("is raised where the function stands that made it", function()
    for expected, answer in pairs {
      ["the function returned a nil, not an answer"] = false,
      ["unknown kind 'x'"] = { failure = { kind = "x" } },
    } do
      local function own()
        return answer or nil
      end
      local client = fake { udio = own }
      local message = raised(client.udio)
      assert.matches(("fake_spec.lua:%d: balance.fake: udio: %s"):format(
        debug.getinfo(own, "S").linedefined, expected), message, 1, true)
    end
  end)
end)
