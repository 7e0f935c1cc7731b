-- SPDX-License-Identifier: MIT
--
-- `stale_first`: an old value is the answer at once, and the refresh runs in
-- the background, where the loop has one.
local balance = require "balance"
local blocking = require "balance.loop.blocking"
local cache = require "balance.cache"
local calls = require "support.cache_calls"
local flight = require "balance.flight"
local holding = require "support.holding"
local kept = require "support.kept"
local process = require "support.process"

local call, fail, names, pass = calls.call, calls.fail, calls.names, calls.pass

describe("a cached call with stale_first", function()
  local bodies -- what the loop was given to run in the background

  local function lock()
    return calls.store:get(calls.key .. ":lock")
  end

  before_each(function()
    calls.begin()
    bodies = {}
    calls.settings.stale_first = true
    function calls.loop.spawn(body)
      bodies[#bodies + 1] = body
      return true
    end
    call()
    pass(31)
    names()
  end)

  after_each(calls.finish)

  local function assert_old(result)
    assert.equal(195, result.credits)
    assert.is_true(result.stale)
  end

  it("gives the old value, and the next one the new", function()
    local result = call()
    assert_old(result)
    assert.equal(31, result.age)
    assert.is_nil(result.refresh_error)
    assert.equal(1, calls.requests)
    assert.equal("stale", names())
    bodies[1]()
    assert.equal("refresh", names())
    assert.equal(2, calls.requests)
    local new = call()
    assert.equal(196, new.credits)
    assert.is_nil(new.stale)
    assert.equal(1, #bodies)
    assert.is_nil(lock())
  end)

  it("begins one refresh for all who come meanwhile", function()
    for _ = 1, 5 do
      assert_old(call())
    end
    -- the one who began it has ended
    local thread = coroutine.create(call)
    coroutine.resume(thread)
    assert.equal("dead", coroutine.status(thread))
    collectgarbage()
    assert_old(call())
    assert.equal(1, #bodies)
  end)

  it("gives the old value while one is under way", function()
    call(function()
      coroutine.yield()
      return calls.fetch()
    end)
    local thread = coroutine.create(bodies[1])
    assert(coroutine.resume(thread))
    for _ = 1, 3 do
      assert_old(call())
    end
    assert(coroutine.resume(thread))
    assert.equal(196, call().credits)
    assert.equal(1, #bodies)
    assert.equal(2, calls.requests)
  end)

  it("remembers a failure of the background", function()
    call(fail)
    bodies[1]()
    for _ = 1, 3 do
      local result = call(fail)
      assert_old(result)
      assert.equal("timeout", result.refresh_error.kind)
    end
    assert.equal(1, #bodies)
    pass(2)
    assert_old(call())
    bodies[2]()
    assert.equal(197, call().credits)
  end)

  it("gives the background the whole time", function()
    local seconds
    call(function(limit)
      seconds = limit
      return calls.fetch()
    end)
    bodies[1]()
    assert.equal(10, seconds)
  end)

  it("waits where there is no old value, or only one that is too old",
    function()
      pass(300)
      assert.equal(196, call().credits)
      assert.equal(0, #bodies)
    end)

  it("waits where the loop has no background, or cannot have it now",
    function()
      for _, spawn in ipairs { function() return false end,
        function() end, false } do
        calls.loop.spawn = spawn or nil
        local before = calls.requests
        local result = call()
        assert.is_nil(result.cached)
        assert.equal(before + 1, calls.requests)
        assert.is_nil(lock())
        pass(31)
      end
      assert.is_nil(blocking.spawn)
    end)

  it("leaves no lock where the loop raises", function()
    calls.loop.spawn = function() error("no more", 0) end
    local ok, message = pcall(call)
    assert.is_false(ok)
    assert.equal("no more", message)
    assert.is_nil(lock())
  end)

  it("begins another one where the loop never ran the first", function()
    call()
    pass(10.9)
    assert_old(call())
    assert.equal(1, #bodies)
    pass(0.2)
    assert_old(call())
    assert.equal(2, #bodies)
    assert.equal(1, calls.requests)
  end)

  it("makes no request where another has refreshed it by then", function()
    call()
    local body = bodies[1]
    pass(11.1) -- the lock is over
    call()
    bodies[2]()
    assert.equal(2, calls.requests)
    body()
    assert.equal(2, calls.requests)
  end)

  it("tells the trace what its refresh raises, without a key", function()
    calls.settings.secrets = { "s3cr3t-key" }
    call(function() error "a bug with s3cr3t-key in it" end)
    names()
    bodies[1]()
    assert.equal("refresh", calls.events[1].event)
    assert.equal("warning", calls.events[2].event)
    assert.matches("a bug with", calls.events[2].message)
    assert.is_nil(calls.events[2].message:find("s3cr3t", 1, true))
    assert.is_nil(lock())
    call()
    bodies[2]()
    assert.equal(196, call().credits)
  end)

  it("does not wait for a background that was killed", function()
    call(coroutine.yield)
    local thread = coroutine.create(bodies[1])
    assert(coroutine.resume(thread))
    assert.is_string(lock())
    bodies, thread = {}, nil
    assert.is_nil(thread)
    collectgarbage()
    collectgarbage()
    assert_old(call())
    bodies[1]()
    assert.equal(196, call().credits)
  end)

  it("goes on without a store that fails", function()
    calls.settings.store = setmetatable({
      add = function() return nil, "no memory" end,
    }, { __index = calls.store })
    assert.equal(196, call().credits)
    assert.equal(0, #bodies)
  end)
end)

describe("a client with stale_first", function()
  -- Its calls, each a function of the settings of the cache.
  local function new_client(settings)
    local store = balance.store.memory()
    local client = balance.new(settings)
    return function(changes)
      local cached = { store = store }
      for name, value in pairs(changes or {}) do
        cached[name] = value
      end
      return client:udio { endpoint = holding.endpoint(),
        api_key = "k3y-of-the-spec", cache = cached }
    end
  end

  local old = { ttl = 1e-6, stale_first = true }

  before_each(function()
    holding.endpoint()
    holding.tell "answer"
  end)

  after_each(function()
    holding.tell "answer"
  end)

  it("waits in a plain script", function()
    local ask = new_client()
    local first = ask().credits
    assert.equal(first + 1, ask(old).credits)
  end)

  it("does not wait under cqueues, in a gather neither", function()
    local cqueues = require "cqueues"
    local is_5_1 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")
    for _, gathers in ipairs { false, true } do
      local ask = new_client { loop = "cqueues" }
      local controller, first, got = cqueues.new(), nil, nil
      local loop = require "balance.loop.cqueues"
      controller:wrap(function()
        first = ask().credits
        holding.tell "hold"
        local function body() got = ask(old) end
        if gathers and not is_5_1 then
          loop.gather { body }
        else
          body()
        end
      end)
      while not got do
        assert(controller:step(1))
      end
      assert.is_true(got.stale)
      assert.equal(first, got.credits)
      while select(2, holding.tell "count") < 1 do
        assert(controller:step(0.01))
      end
      holding.tell "answer"
      assert(controller:loop()) -- which waits for the background
      local new
      controller:wrap(function() new = ask() end)
      assert(controller:loop())
      assert.equal(first + 1, new.credits)
      assert.is_true(new.cached)
    end
  end)

  it("does not wait under luv, in a gather neither", function()
    local output, status = process.run_lua([[
      local balance, uv = require "balance", require "luv"
      local holding = require "support.holding"
      local loop = require "balance.loop.luv"
      local client = balance.new { loop = "luv" }
      local function ask(changes)
        return client:udio { endpoint = holding.endpoint(), cache = changes,
          api_key = "k3y-of-the-spec" }
      end
      holding.endpoint()
      for _, gathers in ipairs { false, true } do
        local store = balance.store.memory()
        coroutine.wrap(function()
          ask { store = store }
          holding.tell "hold"
          local function body()
            local got = ask { store = store, ttl = 1e-6, stale_first = true }
            print(got.credits, got.stale)
          end
          if gathers then
            loop.gather { body }
          else
            body()
          end
          print "gone on"
        end)()
        while select(2, holding.tell "count") < 1 do
          uv.run "nowait"
        end
        print "held" -- and the caller has gone on
        holding.tell "answer"
        uv.run()
        coroutine.wrap(function()
          local new = ask { store = store }
          print(new.credits, new.cached)
        end)()
        uv.run()
      end
    ]], "timeout 60")
    assert.equal("1\ttrue\ngone on\nheld\n2\ttrue\n"
      .. "3\ttrue\ngone on\nheld\n4\ttrue\n", output)
    assert.equal(0, status)
  end)

  it("may have a loop of the program's own", function()
    local function noop() end
    local loop = { wait = blocking.wait, sleep = blocking.sleep,
      gather = blocking.gather, spawn = 1 }
    assert.error_matches(function() balance.new { loop = loop } end,
      "a loop's 'spawn' must be a function")
    local body = noop
    function loop.spawn(given)
      body = given
      return true
    end
    local ask = new_client { loop = loop }
    local first = ask().credits
    assert.is_true(ask(old).stale)
    body()
    assert.equal(first + 1, ask().credits)
  end)
end)

describe("a flight", function()
  it("has a leader while one is under way", function()
    assert.is_false(flight.is_led "key")
    local thread = coroutine.create(function()
      flight.lead("key", 60, coroutine.yield)
    end)
    assert(coroutine.resume(thread))
    assert.is_true(flight.is_led "key")
    coroutine.resume(thread)
    assert.is_false(flight.is_led "key")
    assert.is_table(kept.call(cache, {}, "balance:udio:flight", blocking,
      function() return kept.answer(1) end))
  end)
end)
