-- SPDX-License-Identifier: MIT
-- However a cached call ends, no other call waits for it in vain: its lock is
-- released, or the next call sees that its holder has ended, and takes it
-- over.
local balance = require "balance"
local blocking = require "balance.loop.blocking"
local cache = require "balance.cache"
local core = require "balance.core"
local flight = require "balance.flight"
local identities = require "balance.identity"
local kept = require "support.kept"
local memory = require "balance.store.memory"
local nginx = require "support.nginx"
local process = require "support.process"

local is_puc_5_1 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local key = "balance:" .. identities.of("udio",
  { api_key = "of-the-lock-spec" })
local lock = key .. ":lock"

local store, slept, requests

-- A loop in which nothing should wait: it counts its sleeps.
local loop = { sleep = function(seconds)
  slept = slept + seconds
  core.sleep(0.001)
end }

before_each(function()
  store, slept, requests = memory.new(), 0, 0
end)

local function result()
  requests = requests + 1
  return kept.answer(195)
end

local function call(fetch, its_loop)
  return kept.call(cache, { store = store, limit = 10 }, key,
    its_loop or loop, fetch or result)
end

-- Yields until it is resumed with a result; without one it raises.
local function wait_for_result()
  return coroutine.yield() or error "killed"
end

local function assert_nobody_waits()
  assert.equal(195, call().credits)
  assert.equal(0, slept)
  assert.equal(1, requests)
  assert.is_nil(store:get(lock))
end

describe("a call that raises", function()
  it("leaves no lock", function()
    local ok, message = pcall(call, function() error("bug", 0) end)
    assert.is_false(ok)
    assert.equal("bug", message)
    assert.is_nil(store:get(lock))
    assert_nobody_waits()
  end)

  it("leaves none where a debug hook raises", function()
    local function fetch()
      debug.sethook(function()
        debug.sethook()
        error "too many instructions"
      end, "", 100)
      while true do end
    end
    local jit = rawget(_G, "jit")
    if jit then
      jit.off(fetch) -- compiled code has no hooks
    end
    assert.is_false(pcall(call, fetch))
    assert_nobody_waits()
  end)

  it("leaves none that anybody waits for, in a coroutine", function()
    local thread = coroutine.create(call)
    assert.is_false(coroutine.resume(thread, function() error "bug" end))
    assert_nobody_waits()
  end)

  it("leaves none where the coroutine goes on", function()
    local thread = coroutine.create(function()
      assert.is_false(pcall(call, function() error "bug" end))
      return call().credits
    end)
    local _, credits = coroutine.resume(thread)
    assert.equal(195, credits)
    assert.equal(0, slept)
    assert.equal(1, requests)
  end)

  it("gives those who waited a request of their own", function()
    local credits, functions = {}, {}
    for i = 1, 3 do
      functions[i] = function()
        local ok, got = pcall(call, function()
          blocking.sleep(0.01)
          if requests == 0 then
            requests = 1
            error "bug"
          end
          return result()
        end, blocking)
        credits[i] = ok and got.credits or 0
      end
    end
    if is_puc_5_1 then -- it cannot yield across a pcall
      return
    end
    blocking.gather(functions)
    assert.same({ 0, 195, 195 }, credits)
    assert.is_nil(store:get(lock))
  end)
end)

describe("a coroutine that ends within a call", function()
  local function start()
    local thread = coroutine.create(call)
    assert(coroutine.resume(thread, wait_for_result))
    assert.equal("suspended", coroutine.status(thread))
    assert.is_string(store:get(lock))
    return thread
  end

  -- The code that releases the lock does not run either; in LuaJIT it does, as
  -- all coroutines have the same hook.
  local function kill(thread)
    if not rawget(_G, "jit") then
      debug.sethook(thread, function() error "killed" end, "", 1)
    end
    assert.is_false(coroutine.resume(thread))
  end

  it("leaves no lock that anybody waits for once it is collected", function()
    start()
    collectgarbage()
    collectgarbage()
    assert_nobody_waits()
  end)

  it("leaves none where it was closed", function()
    local close = rawget(coroutine, "close")
    if close then
      local thread = start()
      close(thread)
      assert_nobody_waits()
    end
  end)

  it("leaves none where it was killed by an error of a hook", function()
    local thread = start()
    kill(thread)
    assert_nobody_waits()
  end)

  it("does not keep an old value from being refreshed", function()
    local settings = { store = store, limit = 10, ttl = 30,
      now = function() return 1000 end }
    local function ask(fetch)
      return kept.call(cache, settings, key, loop, fetch)
    end
    assert.is_nil(ask(result).cached)
    settings.now = function() return 1100 end
    local thread = coroutine.create(ask)
    assert(coroutine.resume(thread, wait_for_result))
    kill(thread)
    local new = ask(result)
    assert.is_nil(new.stale)
    assert.equal(2, requests)
  end)

  it("is waited for while it may go on", function()
    local thread = start()
    local naps = 0
    local shared = call(result, { sleep = function()
      naps = naps + 1
      if naps == 3 then
        assert(coroutine.resume(thread, result()))
      end
    end })
    assert.equal(3, naps)
    assert.equal(1, requests)
    assert.is_true(shared.cached)
  end)
end)

describe("a lock", function()
  it("of another process is that one's, whoever ended here", function()
    pcall(call, function() error "bug" end)
    store:add(lock, "somebody-else", 60)
    assert.is_false(pcall(call, function() error "another" end, {
      sleep = function(seconds)
        slept = slept + seconds
        core.sleep(0)
        if slept > 0.02 then
          error "it was waited for"
        end
      end,
    }))
    assert.is_true(slept > 0)
    assert.equal("somebody-else", store:get(lock))
  end)

  it("that was taken over is not released by the one who held it", function()
    local thread = coroutine.create(call)
    assert(coroutine.resume(thread, wait_for_result))
    store:delete(lock)
    store:add(lock, "somebody-else", 60)
    assert(coroutine.resume(thread, result()))
    assert.equal("somebody-else", store:get(lock))
  end)
end)

describe("a call within the same call", function()
  it("does not wait for itself", function()
    local inner
    local outer = call(function()
      inner = call()
      return result()
    end)
    assert.equal(195, inner.credits)
    assert.equal(195, outer.credits)
    assert.equal(0, slept)
    assert.equal(2, requests)
    assert.is_nil(store:get(lock))
  end)
end)

describe("a gather that one of its functions ends", function()
  -- The code of a function, for this spec and for a process of its own.
  local code = [[
    local cache, memory, loop = ...
    local kept = require "support.kept"
    local store = memory.new()
    local function call(fetch)
      return kept.call(cache, { store = store, limit = 60 },
        "balance:udio:of-the-gather", loop, fetch)
    end
    collectgarbage "stop" -- it works without the collector
    local ok, message = pcall(loop.gather, {
      function()
        call(function()
          loop.sleep(0.2)
          error "it went on"
        end)
      end,
      function()
        loop.sleep(0.01)
        error("bug", 0)
      end,
    })
    assert(not ok and tostring(message):find "bug", message)
    local credits = call(function()
      loop.sleep(0.3)
      return kept.answer(195)
    end).credits
    collectgarbage "restart"
    return credits
  ]]

  -- PUC Lua 5.1 cannot yield across a pcall.
  local in_coroutines = is_puc_5_1 and function() end or it

  local function run(its_loop)
    local started = core.now()
    local body = assert((rawget(_G, "loadstring") or load)(code))
    local credits = body(cache, memory, its_loop)
    assert.is_true(core.now() - started < 25)
    return credits
  end

  it("leaves no lock in a plain script", function()
    assert.equal(195, run(blocking))
  end)

  in_coroutines("leaves none under cqueues", function()
    local its_loop = require "balance.loop.cqueues"
    its_loop.load()
    local controller, credits = require("cqueues").new(), nil
    controller:wrap(function() credits = run(its_loop) end)
    assert(controller:loop())
    assert.equal(195, credits)
  end)

  in_coroutines("leaves none under luv", function()
    local output, status = process.run_lua(([[
      local loop, uv = require "balance.loop.luv", require "luv"
      loop.load()
      local function run(...)
        %s
      end
      coroutine.wrap(function()
        io.write(run(require "balance.cache",
          require "balance.store.memory", loop))
      end)()
      uv.run()
    ]]):format(code), "timeout 20")
    assert.equal("195 0", output .. " " .. status)
  end)

  it("leaves none in nginx #nginx", function()
    local server = nginx.start {
      workers = 1,
      locations = { ["= /gather"] = ([[
        local function run(...)
          %s
        end
        local started = core.now()
        local credits = run(require "balance.cache",
          require "balance.store.memory", require "balance.loop.nginx")
        ngx.print(credits, " ", core.now() - started < 25)
      ]]):format(code) },
    }
    assert.equal("195 true", (server:get "/gather"))
    nginx.finish()
  end)
end)

describe("a flight", function()
  it("does not wait for a leader on the main thread that raised", function()
    assert.is_false(pcall(flight.run, "raised", loop, 10, error))
    assert.equal("next", flight.run("raised", loop, 10, function()
      return "next"
    end))
    assert.equal(0, slept)
  end)
end)

describe("a provider whose read() raises", function()
  it("does not make the next call wait", function()
    local fails = true
    balance.register {
      name = "raising", unit = "credit",
      endpoint = os.getenv "UDIO_ENDPOINT",
      credentials = { { name = "api_key", variable = "UDIO_API_KEY" } },
      request = function(config)
        return { path = "/api/v2/credits", authorization = config.api_key,
          scheme = "Bearer" }
      end,
      read = function(_, body)
        if fails then
          error "a bug of the provider"
        end
        return { left = body.data.credits, available_from = "left" }
      end,
    }
    local client = balance.new { cache = { store = store }, loop = {
      wait = blocking.wait, sleep = loop.sleep, gather = blocking.gather } }
    local _, err = client.raising()
    assert.matches("a bug of the provider", err.message)
    fails = false
    _, err = client.raising() -- it is remembered
    assert.matches("a bug of the provider", err.message)
    assert.equal(195, client:raising({ cache = false }).available)
    assert.equal(0, slept)
  end)
end)

describe("a light thread of nginx that was killed #nginx", function()
  it("leaves no lock that anybody waits for once it is collected", function()
    local server = nginx.start {
      workers = 1,
      http = "lua_shared_dict balance 1m;",
      locations = { ["= /killed"] = [[
        local kept = require "support.kept"
        local function call(pause)
          return kept.call(require "balance.cache",
            { store = ngx.shared.balance, limit = 60 },
            "balance:udio:killed", require "balance.loop.nginx", function()
              ngx.sleep(pause)
              return kept.answer(195)
            end)
        end
        do
          local thread = ngx.thread.spawn(call, 60)
          ngx.sleep(0.01)
          ngx.thread.kill(thread)
        end
        collectgarbage()
        collectgarbage()
        local started = core.now()
        ngx.print(call(0).credits, " ", core.now() - started < 10)
      ]] },
    }
    assert.equal("195 true", (server:get "/killed"))
    nginx.finish()
  end)
end)
