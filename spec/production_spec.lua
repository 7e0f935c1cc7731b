-- SPDX-License-Identifier: MIT
-- A whole client against the sandbox: retries, clock, failover, rate, cache,
-- keys and trace together.
local balance = require "balance"
local accounts = require "sandbox.accounts"
local process = require "support.process"
local retry = require "balance.retry"
local variant = require("support.variant").register

local tencent = accounts.tencent.bench
local keys = { secret_id = tencent.secret_id, secret_key = tencent.secret_key }

local function with(changes)
  local options = {}
  for _, layer in ipairs { keys, changes or {} } do
    for name, value in pairs(layer) do
      options[name] = value
    end
  end
  return options
end

local function collect(list)
  return function(event) list[#list + 1] = event end
end

describe("a client", function()
  local real_random = retry.random

  before_each(function()
    retry.random = function() return 0 end -- no pause
  end)

  after_each(function()
    retry.random = real_random
  end)

  it("asks again, signed anew, until there is an answer", function()
    local asked, stamps = 0, {}
    local name = variant("tencent", function(request, config)
      if config.secret_id ~= tencent.secret_id then
        return -- made up, to see what of the request must not be shown
      end
      asked = asked + 1
      request.tc3.timestamp = os.time() + asked
      stamps[asked] = request.tc3.timestamp
      if asked < 3 then
        request.headers["X-Sandbox-Answer"] = "InternalError"
      end
    end)
    local result = balance.new()[name](with())
    assert.equal(3, result.attempts)
    assert.equal(3, #stamps)
    assert.equal(tencent.amounts.Balance, result.Balance)
  end)

  it("asks again as often as `retries` says, on what may pass", function()
    for answer, attempts in pairs { ["http-503"] = 3, ["http-500"] = 3,
      ["http-429"] = 3, ["http-404"] = 1, ["http-401"] = 1,
      ["html-200"] = 1 } do
      local name = variant("udio", function(request)
        request.headers["X-Sandbox-Answer"] = answer
      end)
      local _, err = balance.new()[name]()
      assert.equal(attempts, err.attempts, answer)
      _, err = balance.new { retries = 0 }[name]()
      assert.equal(1, err.attempts)
    end
  end)

  it("counts attempts on success too, and times the last", function()
    local result = balance.udio()
    assert.equal(1, result.attempts)
    assert.is_true(result.timing.total > 0)
  end)

  it("corrects a clock that is wrong, once, and remembers it", function()
    local name = variant("tencent", function(request, _, offset)
      request.tc3.timestamp = os.time() - 3600 + offset
      request.headers["X-Sandbox-Date"] = os.date(
        "!%a, %d %b %Y %H:%M:%S GMT", os.time() + 3600)
    end)
    local client, events = balance.new(), {}
    local result, err = client[name](with { trace = collect(events) })
    assert.is_nil(err)
    assert.is_true(math.abs(result.clock_offset - 3600) <= 2)
    assert.equal(2, result.attempts)
    local seen = {}
    for _, event in ipairs(events) do
      seen[#seen + 1] = event.event
    end
    assert.equal("attempt clock attempt", table.concat(seen, " "))
    events = {}
    client[name](with { trace = collect(events) })
    assert.equal(1, #events)
  end)

  it("does not believe a date that came without TLS", function()
    local name = variant("tencent", function(request, _, offset)
      request.tc3.timestamp = os.time() - 3600 + offset
      request.headers["X-Sandbox-Date"] = os.date(
        "!%a, %d %b %Y %H:%M:%S GMT", os.time() + 3600)
    end)
    local _, err = balance.new()[name](
      with { endpoint = os.getenv "SANDBOX_PLAIN" })
    assert.equal("AuthFailure.SignatureExpire", err.code)
  end)

  it("goes to the next endpoint, signed for its host", function()
    local events = {}
    local result, err = balance.tencent(with {
      endpoint = { "https://127.0.0.1:1", os.getenv "TENCENT_ENDPOINT" },
      trace = collect(events),
    })
    assert.is_nil(err)
    assert.equal(tencent.amounts.Balance, result.Balance)
    assert.equal("connect", events[1].kind)
    assert.equal(os.getenv "TENCENT_ENDPOINT", events[2].endpoint)
    for _, bad in ipairs { {}, { 1 }, { "https://a", false } } do
      assert.error_matches(function()
        balance.udio { endpoint = bad }
      end, "endpoint")
    end
  end)

  -- How long they wait is limiter_spec's, on a clock of its own.
  it("lets a Tencent key's requests beyond 20 a second wait", function()
    local events, calls = {}, {}
    for i = 1, 50 do
      calls["a" .. i] = with { provider = "tencent", timeout = 60 }
    end
    local _, failures = balance.new({ trace = collect(events) }):all(calls)
    assert.same({}, failures)
    local waited = 0
    for _, event in ipairs(events) do
      waited = waited + (event.event == "limit" and 1 or 0)
    end
    assert.is_true(waited > 0) -- some 30, fewer on a busy machine
  end)

  it("counts the requests of each key, where `rate` asks for it", function()
    local events = {}
    local client = balance.new { rate = 0.01, trace = collect(events) }
    client:udio()
    client:udio({ api_key = accounts.udio.unused.api_key })
    for _, event in ipairs(events) do
      assert.not_equal("limit", event.event)
    end
    local _, err = client:udio({ timeout = 0.2, retries = 0 })
    assert.equal("rate_limit", err.kind)
    assert.equal(0, err.attempts)
  end)

  it("keeps an answer where it is told to", function()
    local asked = 0
    local name = variant("udio", function() asked = asked + 1 end)
    local client = balance.new { cache = { ttl = 60 } }
    local first = client[name]()
    local second = client[name]()
    assert.equal(1, asked)
    assert.is_nil(first.cached)
    assert.is_true(second.cached)
    assert.equal(first.credits, second.credits)
    assert.equal("195", tostring(second.credits))
    assert.equal(200,
      client[name]({ api_key = accounts.udio.unused.api_key }).credits)
    assert.equal(2, asked)
  end)

  it("asks once where there is an old answer, else as often as ever",
    function()
      local answer, events = nil, {}
      local name = variant("udio", function(request)
        request.headers["X-Sandbox-Answer"] = answer
      end)
      local client = balance.new {
        cache = { ttl = 1e-6, store = balance.store.memory() },
        trace = function(event)
          if event.event == "attempt" then
            events[#events + 1] = event.status
          end
        end,
      }
      local function call(key)
        return client[name] { api_key = key }
      end
      assert.is_nil(call().stale)
      answer = "http-503"
      local result = call()
      assert.is_true(result.stale)
      assert.equal(503, result.refresh_error.status)
      assert.equal(1, result.refresh_error.attempts)
      assert.same({ 200, 503 }, events)
      local _, err = call(accounts.udio.unused.api_key)
      assert.equal(3, err.attempts)
      assert.equal(5, #events)
    end)

  it("asks once for all who ask at the same moment", function()
    local asked = 0
    local name = variant("udio", function(request)
      asked = asked + 1
      request.headers["X-Sandbox-Delay"] = "50"
    end)
    local calls = {}
    for i = 1, 20 do
      calls["a" .. i] = { provider = name }
    end
    local results, failures =
      balance.new({ cache = { ttl = 60 } }):all(calls)
    assert.same({}, failures)
    assert.equal(195, results.a20.credits)
    assert.equal(1, asked)
  end)

  it("takes the current keys from a function", function()
    local key = "wrong"
    local client = balance.new { udio = { credentials = function()
      return { api_key = key }
    end } }
    assert.equal("auth", select(2, client:udio()).kind)
    key = accounts.udio.main.api_key
    assert.equal(195, client:udio().credits)
  end)

  it("looks for another token, once, where the one it has is refused",
    function()
      local good = accounts.tencent.temporary
      local tokens, asked, events = {}, 0, {}
      local client = balance.new { tencent = { credentials = function()
        asked = asked + 1
        return { secret_id = good.secret_id, secret_key = good.secret_key,
          token = tokens[asked] }
      end, trace = collect(events) } }
      tokens = { "run-out", good.token }
      local result, err = client:tencent()
      assert.is_nil(err)
      assert.equal(good.amounts.Balance, result.Balance)
      assert.equal(2, result.attempts)
      assert.equal(2, #events)

      tokens, asked = { "run-out", "run-out", good.token }, 0
      result, err = client:tencent()
      assert.is_nil(result)
      assert.equal("AuthFailure.TokenFailure", err.code)
      assert.equal(1, err.attempts)
      assert.equal(2, asked)

      tokens, asked = { "run-out", "this-too", good.token }, 0
      result, err = client:tencent()
      assert.is_nil(result)
      assert.equal(2, err.attempts)
      assert.equal(2, asked)
    end)

  it("reads the credentials file of the official tools", function()
    local home = process.run("mktemp -d"):gsub("%s+$", "")
    process.run("mkdir " .. home .. "/.tencentcloud")
    process.write(home .. "/.tencentcloud/credentials",
      ("[default]\nsecret_id = '%s'\nsecret_key = %s\n"):format(
        tencent.secret_id, tencent.secret_key))
    local output, status = process.run_lua([[
      local warned
      local result, err = require("balance").tencent {
        trace = function(event)
          warned = event.event == "warning" and event.message or warned
        end }
      assert(result, tostring(err))
      print(result.Balance, warned)
    ]], "env -u TENCENTCLOUD_SECRET_ID -u TENCENTCLOUD_SECRET_KEY HOME="
      .. home)
    process.run("rm -r " .. home)
    assert.equal(0, status, output)
    assert.matches("^" .. tencent.amounts.Balance .. "\t", output)
    assert.matches("can be read by others", output)
  end)

  it("shows its trace no secret", function()
    local events = {}
    local key = accounts.udio.main.api_key
    balance.udio { trace = collect(events), api_key = key }
    balance.udio { trace = collect(events), api_key = "wr0ng-s3cr3t",
      cache = { ttl = 1 } }
    balance.tencent(with { trace = collect(events) })
    local function text_of(value)
      if type(value) ~= "table" then
        return tostring(value)
      end
      local parts = {}
      for name, item in pairs(value) do
        parts[#parts + 1] = tostring(name) .. "=" .. text_of(item)
      end
      return table.concat(parts, " ")
    end
    local text = text_of(events)
    assert.matches("event=attempt", text)
    for _, secret in ipairs { key, "wr0ng-s3cr3t", tencent.secret_key,
      tencent.secret_id, "Signature=" } do
      assert.is_nil(text:find(secret, 1, true))
    end
  end)

  it("does not mind a trace hook that raises", function()
    assert.is_table(balance.udio { trace = function() error("mine") end })
  end)

  it("raises for settings that cannot be", function()
    for _, settings in ipairs { { cache = true }, { rate = true },
      { cache = { tll = 1 } }, { trace = "x" }, { retries = "2" },
      { udio = { credentials = {} } }, { rate_dict = 1 } } do
      assert.has_error(function() balance.new(settings) end)
    end
  end)

end)
