-- SPDX-License-Identifier: MIT
local memory = require "balance.store.memory"
local process = require "support.process"
local redis_store = require "balance.store.redis"
local stores = require "support.stores"

local is_a_store = stores.is_a_store

-- Debian has redis-lua for Lua 5.1 to 5.3; it runs on 5.4 as it is.
local function load_redis()
  local path = package.path
  package.path = path .. ";/usr/share/lua/5.3/?.lua"
  local redis = require "redis"
  package.path = path
  return redis
end

describe("balance.store.memory", function()
  local now = 0

  local function make(max)
    return memory.new { max = max, now = function() return now end }
  end

  is_a_store(make, function(seconds) now = now + seconds end)

  it("throws the oldest out when it is full", function()
    local store = make(3)
    for _, key in ipairs { "a", "b", "c" } do
      store:set(key, key)
    end
    store:set("a", "again") -- "a" is the newest now, and still one entry
    assert.equal("b", store:get "b")
    store:set("d", "d")
    assert.is_nil(store:get "b")
    assert.equal("again", store:get "a")
    assert.equal("c", store:get "c")
    assert.equal("d", store:get "d")
  end)

  it("throws what has expired out before that", function()
    local store = make(3)
    store:set("old", "x")
    store:set("expired", "x", 1)
    store:set("new", "x")
    now = now + 1
    store:set("newer", "x")
    assert.equal("x", store:get "old")
    assert.equal("x", store:get "newer")
  end)

  it("never holds more than it may", function()
    local store = make(10)
    for i = 1, 1000 do
      store:set("key" .. i % 37, "x", i % 3)
      store:delete("key" .. i % 5)
      now = now + 0.1
      local count = 0
      for _ in pairs(store.entries) do
        count = count + 1
      end
      assert.is_true(count <= 10)
      assert.equal(count, store.count)
    end
  end)
end)

describe("balance.store.redis on redis-lua", function()
  local redis, dir, server, client

  setup(function()
    redis = load_redis()
    dir = process.run("mktemp -d"):gsub("%s+$", "")
    server = process.start(("exec redis-server --port 0 --unixsocket %s/redis"
      .. " --pidfile %s/pid --dir %s --save '' --appendonly no --daemonize no"
      .. " --logfile %s/log"):format(dir, dir, dir, dir))
    process.await(dir .. "/pid")
    for _ = 1, 500 do
      local ok, connected = pcall(redis.connect, "unix://" .. dir .. "/redis")
      if ok then
        client = connected
        return
      end
      process.sleep(0.02)
    end
    error(process.read(dir .. "/log"))
  end)

  teardown(function()
    server.stop()
    process.run("rm -r " .. dir)
  end)

  is_a_store(function()
    client:flushall()
    return redis_store.new(client, { prefix = "balance:" })
  end, process.sleep)

  it("puts its prefix before each key", function()
    client:flushall()
    local store = redis_store.new(client, { prefix = "here:" })
    store:set("key", "one")
    assert.equal("one", client:get "here:key")
    store:add("lock", "two")
    assert.equal("two", client:get "here:lock")
    assert.is_nil(redis_store.new(client):get "key")
    assert.equal("one", redis_store.new(client):get "here:key")
    store:delete "key"
    assert.is_nil(client:get "here:key")
  end)

  it("returns errors, and raises none", function()
    local store = redis_store.new(client)
    client:flushall()
    client:lpush("list", "x")
    local value, err = store:get "list"
    assert.is_nil(value)
    assert.matches("WRONGTYPE", err)
    local broken = redis.connect("unix://" .. dir .. "/redis")
    broken.network.socket:close()
    store = redis_store.new(broken)
    for _, method in ipairs { "get", "set", "add", "delete" } do
      local done, why = store[method](store, "key", "value", 1)
      assert.is_nil(done)
      assert.is_string(why)
      assert.is_not.equal("exists", why)
    end
  end)
end)

-- A client as lua-resty-redis: no value is ngx.null, a light userdata (here
-- io.stdout); with errors of the network come nil, with the server's false.
describe("balance.store.redis on lua-resty-redis", function()
  local null = io.stdout
  local now, data, log, problem

  local function new_client()
    local client = {}
    function client.get(_, key)
      if problem then
        return problem[1], problem[2]
      end
      return data:get(key) or null
    end
    function client.set(_, key, value, ...)
      if problem then
        return problem[1], problem[2]
      end
      local words = { ... }
      local exptime
      if words[1] == "PX" then
        assert.matches("^%d+$", words[2])
        exptime = tonumber(table.remove(words, 2)) / 1000
        table.remove(words, 1)
      end
      if words[1] == "NX" then
        return data:add(key, value, exptime) and "OK" or null
      end
      assert.is_nil(words[1])
      return data:set(key, value, exptime) and "OK"
    end
    function client.del(_, key)
      if problem then
        return problem[1], problem[2]
      end
      data:delete(key)
      return 0
    end
    function client.set_keepalive()
      log[#log + 1] = "keep"
      return 1
    end
    function client.close()
      log[#log + 1] = "close"
      return 1
    end
    return client
  end

  before_each(function()
    now, log, problem = 0, {}, nil
    data = memory.new { now = function() return now end }
  end)

  is_a_store(function()
    return redis_store.new(new_client())
  end, function(seconds) now = now + seconds end)

  it("returns the errors of the network and of the server", function()
    local store = redis_store.new(new_client())
    for _, each in ipairs { { nil, "timeout" }, { false, "timeout" } } do
      problem = each
      for _, method in ipairs { "get", "set", "add", "delete" } do
        local value, err = store[method](store, "key", "value", 1)
        assert.is_nil(value)
        assert.equal("timeout", err)
      end
    end
  end)

  it("asks a function for a client each time, and gives it back", function()
    local store = redis_store.new(function()
      log[#log + 1] = "connect"
      return new_client()
    end)
    assert.is_true(store:set("key", "one", 1))
    assert.equal("one", store:get "key")
    assert.is_nil(store:get "none")
    assert.same({ "connect", "keep", "connect", "keep", "connect", "keep" },
      log)
    log, problem = {}, { nil, "closed" }
    assert.is_nil((store:get "key"))
    assert.same({ "connect", "close" }, log)
  end)

  it("keeps no hand on a client that it was given", function()
    redis_store.new(new_client()):get "key"
    assert.same({}, log)
  end)

  it("returns why there is no client", function()
    for message, connect in pairs {
      ["connection refused"] = function()
        return nil, "connection refused"
      end,
      ["no client"] = function() return nil end,
      ["went wrong"] = function() error "went wrong" end,
    } do
      local store = redis_store.new(connect)
      for _, method in ipairs { "get", "set", "add", "delete" } do
        local value, err = store[method](store, "key", "value", 1)
        assert.is_nil(value)
        assert.matches(message, err)
      end
    end
  end)
end)
