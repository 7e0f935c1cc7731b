-- SPDX-License-Identifier: MIT
-- A call that the cache answers at once looks at its options, the environment
-- and files once a second. It may not be told from one that looks each time,
-- but for that second.
local accounts = require "sandbox.accounts"
local balance = require "balance"
local core = require "balance.core"
local fake = require "balance.fake"
local nginx = require "support.nginx"

local real_now, real_time = core.now, core.time

-- A store in the process that counts what is read of answers.
local function new_store()
  local store = balance.store.memory()
  local counting = { reads = 0 }
  for _, name in ipairs { "set", "add", "delete" } do
    counting[name] = function(_, ...) return store[name](store, ...) end
  end
  function counting.get(_, key)
    counting.reads = counting.reads + (key:find ":lock$" and 0 or 1)
    return store:get(key)
  end
  return counting
end

describe("a call that the cache answers at once", function()
  local store, passed, asked, events, client

  local function names()
    local list = {}
    for i, event in ipairs(events) do
      list[i] = event.event
    end
    events = {}
    return table.concat(list, " ")
  end

  -- Its answers are 1, 2, 3 and so on.
  local function new_client(settings)
    settings = settings or {}
    settings.cache = settings.cache or { ttl = 30, store = store }
    function settings.trace(event) events[#events + 1] = event end
    return fake({ udio = function()
      asked = asked + 1
      return { credits = asked }
    end }, settings)
  end

  -- Until a call is answered at once.
  local function warm(call, options)
    for _ = 1, 3 do
      assert(call(options))
    end
    events, store.reads = {}, 0
  end

  before_each(function()
    passed, asked, events, store = 0, 0, {}, new_store()
    local now, time = real_now(), real_time()
    core.now = function() return now + passed end
    core.time = function() return time + passed end
    client = new_client()
  end)

  after_each(function()
    core.now, core.time = real_now, real_time
  end)

  it("reads its entry once, and no variable", function()
    local getenv = os.getenv
    finally(function() rawset(os, "getenv", getenv) end)
    warm(client.udio)
    rawset(os, "getenv", function(name) error(name) end)
    local result = client.udio()
    assert.equal(1, result.credits)
    assert.is_true(result.cached)
    assert.equal(1, store.reads)
    assert.equal("cache_hit", names())
  end)

  it("has a result of its own, which may be changed", function()
    warm(client.udio)
    local first = client.udio()
    first.credits, first.raw.data.credits, first.timing.total = 0, 0, "x"
    first.raw.data.more, first.extra, first.provider = {}, true, nil
    local second = client.udio()
    assert.equal(1, second.credits)
    assert.same({ credits = 1 }, second.raw.data)
    assert.equal(0, second.timing.total)
    assert.is_nil(second.extra)
    assert.equal("udio", second.provider)
    assert.is_true(second.age < 30)
  end)

  it("leaves its result to the collector", function()
    client = fake({ udio = { credits = 1 } }, { cache = { store = store } })
    warm(client.udio)
    collectgarbage()
    local before = collectgarbage "count"
    for _ = 1, 20000 do -- of about 1 KiB
      client.udio()
    end
    assert.is_true(collectgarbage "count" - before < 10000)
  end)

  it("is fresh: at ttl there is a request", function()
    warm(client.udio)
    passed = 29.5
    assert.equal(1, client.udio().credits)
    assert.equal(1, client.udio().credits)
    assert.near(29.5, client.udio().age, 1e-6)
    passed = 30.001
    assert.equal(2, client.udio().credits)
    assert.equal("cache_hit cache_hit cache_hit refresh attempt", names())
  end)

  it("is fresh where the second is not over but ttl is", function()
    client = new_client { cache = { ttl = 0.5, store = store } }
    warm(client.udio)
    passed = 0.501
    assert.equal(2, client.udio().credits)
  end)

  it("has what another process has put there since", function()
    local options = { api_key = "one-key-of-mine",
      endpoint = "https://other.invalid" }
    local another = new_client()
    warm(client.udio, options)
    assert.equal(1, another.udio(options).credits)
    passed = 30.001
    local newer = another.udio(options)
    assert.equal(2, newer.credits)
    assert.equal(2, client.udio(options).credits)
    assert.equal(2, asked)
  end)

  it("is not another options' one, though the table is the same", function()
    local options = { api_key = "one-key-of-mine" }
    warm(client.udio, options)
    assert.equal(1, client.udio(options).credits)
    options.api_key = "another-of-mine"
    assert.equal(2, client.udio(options).credits)
    options.api_key = "one-key-of-mine"
    assert.equal(1, client.udio(options).credits)
    options.ca_file = "/one/more"
    assert.equal(3, client.udio(options).credits)
    options.ca_file = nil
    assert.equal(1, client.udio(options).credits)
    options.cache = false
    assert.is_nil(client.udio(options).cached)
  end)

  it("is one for each of many keys", function()
    for round = 1, 3 do
      for i = 1, 300 do
        local result = client.udio { api_key = ("key-number-%d"):format(i) }
        assert.equal(i, result.credits)
        assert.equal(round > 1 or nil, result.cached)
      end
    end
  end)

  it("asks a function for the keys each time", function()
    local key
    client = new_client { udio = {
      credentials = function() return { api_key = key } end,
    } }
    for round = 1, 3 do
      for i = 1, 2 do
        key = ("tenant-%d"):format(i)
        assert.equal(i, client.udio().credits, round)
      end
    end
  end)

  it("does not hide a mistake", function()
    local options = { api_key = "one-key-of-mine" }
    warm(client.udio, options)
    warm(client.udio)
    for wrong, message in pairs {
      ["text"] = "options must be a table",
      [{ api_key = "one-key-of-mine", tiemout = 1 }] = "timeout",
      [{ api_key = "one-key-of-mine", timeout = -1 }] = "timeout",
      [{ api_key = 1 }] = "must be a string",
      [setmetatable({}, { __index = { ttl = 1, timeout = "x" } })] = "timeout",
    } do
      local ok, err = pcall(client.udio, wrong)
      assert.is_false(ok)
      assert.matches(message, err, 1, true)
      assert.matches("hits_spec", select(2, pcall(function()
        client.udio(wrong)
      end)), 1, true)
    end
  end)

  it("may have options behind a metatable", function()
    warm(client.udio, { api_key = "one-key-of-mine" })
    local options = setmetatable({}, { __index = { api_key = "one of them" } })
    warm(client.udio, options)
    assert.equal(2, client.udio(options).credits)
  end)

  it("tells once that the store fails, and goes on", function()
    warm(client.udio)
    local get = store.get
    local function answer_with(instead) -- but the lock is as it is
      function store.get(self, key)
        if key:find ":lock$" then
          return get(self, key)
        end
        return instead()
      end
    end
    answer_with(function() error "no store today" end)
    assert.equal(2, client.udio().credits)
    assert.matches("^cache_error .*refresh .*attempt", names())
    store.get = get
    warm(client.udio)
    assert.equal(2, client.udio().credits)
    answer_with(function() return "something else" end)
    assert.equal(3, client.udio().credits)
  end)

  it("copies only what is plain", function()
    local money = { __tostring = function() return "money" end }
    balance.register {
      name = "rich", unit = "coin", credentials = {},
      endpoint = "https://rich.invalid",
      request = function() return { path = "/" } end,
      read = function(_, body)
        return { left = body.left, available_from = "left",
          amount = setmetatable({ body.left }, money) }
      end,
    }
    client = fake({ rich = { body = { left = 7 } } },
      { cache = { store = store } })
    warm(client.rich)
    local one, other = client.rich(), client.rich()
    assert.equal("money", tostring(one.amount))
    assert.equal("money", tostring(other.amount))
    assert.are_not.equal(one.amount, other.amount)
    assert.equal(2, store.reads) -- and is not looked for in vain
  end)

  it("reads its entry once where the second is over, too", function()
    warm(client.udio)
    passed = 1.5
    client.udio()
    assert.equal(1, store.reads)
  end)

  it("does not hold what balance.all says of an account's name", function()
    warm(client.udio)
    client.all { udio = { provider = "udio" } }
    assert.equal("udio", events[1].account)
    client.udio()
    assert.is_nil(events[2].account)
  end)
end)

describe("what may change meanwhile", function()
  local client, key, passed
  local getenv = os.getenv

  before_each(function()
    client, key = balance.new { cache = { store = new_store() } }, nil
    local now = real_time()
    passed, core.time = 0, function() return now + passed end
    rawset(os, "getenv", function(name)
      return name == "UDIO_API_KEY" and key or getenv(name)
    end)
  end)

  after_each(function()
    rawset(os, "getenv", getenv)
    core.time = real_time
  end)

  it("is looked at once a second", function()
    for _ = 1, 3 do
      assert.equal(195, client.udio().credits)
    end
    key = accounts.udio.unused.api_key
    assert.equal(195, client.udio().credits)
    passed = 0.99
    assert.equal(195, client.udio().credits)
    passed = 1
    assert.equal(200, client.udio().credits)
    key, passed = nil, -1 -- the clock was put back
    assert.equal(195, client.udio().credits)
  end)

  it("is looked at by each call without a cache", function()
    assert.equal(195, client.udio({ cache = false }).credits)
    key = accounts.udio.unused.api_key
    assert.equal(200, client.udio({ cache = false }).credits)
  end)
end)

describe("where nginx cannot wait #nginx", function()
  after_each(nginx.finish)

  it("a call fails even where the cache has its answer", function()
    local server = nginx.start {
      http = "lua_shared_dict balance 1m;",
      locations = { ["= /"] = { [[
        content_by_lua_block {
          local client = require "balance".new {
            cache = { dict = "balance" },
          }
          package.loaded.client = client
          for i = 1, 3 do
            assert(client.udio())
          end
          ngx.print(tostring(client.udio().cached))
        }
        log_by_lua_block {
          local _, err = require "client".udio()
          ngx.shared.notes:set("kind", err and err.kind or "none")
        }
      ]] } },
    }
    assert.equal("true", (server:get "/"))
    assert.equal("kind=phase\n", (server:get "/notes"))
  end)
end)
