-- SPDX-License-Identifier: MIT
-- That no secret leaves the module. What all specs' failures, events and
-- stored values have in them is watched by spec/support/secrets.lua; here is
-- what a stranger sends back, and what no spec looks at otherwise.
local balance = require "balance"
local accounts = require "sandbox.accounts"
local cjson = require "cjson"
local core = require "balance.core"
local faults = require "support.faults"
local nginx = require "support.nginx"
local process = require "support.process"
local secrets = require "support.secrets"
local variant = require "support.variant"

local keys = {
  tempolor = { api_key = accounts.tempolor.main.api_key },
  udio = { api_key = accounts.udio.main.api_key },
  tencent = {
    secret_id = accounts.tencent.bench.secret_id,
    secret_key = accounts.tencent.bench.secret_key,
    token = "a-token-in-a-header",
  },
}

local function with(provider, changes)
  local options = { retries = 0 }
  for _, layer in ipairs { keys[provider], changes or {} } do
    for name, value in pairs(layer) do
      options[name] = value
    end
  end
  return options
end

-- The provider's name where it asks for another path.
local function at(name, path)
  return variant.register(name, function(request) request.path = path end)
end

local function assert_clean(value)
  assert.is_nil(secrets.find(secrets.text_of(value)))
end

describe("what watches for secrets", function()
  it("sees a key in every form, and nothing else", function()
    local key = "k3y/of+Somebody=="
    assert.is_nil(secrets.find("k3y/of+Somebody"))
    secrets.add("  " .. key .. "\n")
    for _, text in ipairs {
      key, "x" .. key .. "x", key:upper(), key:sub(1, 8), -- its beginning
      "k3y%2Fof%2bS", "k3y\\/of+S", "k3y\\u002fof\\u002bS",
      "6b33792f6f662b53", "azN5L29mK1NvbW", "zeS9vZitTb21lY", "M3kvb2YrU29tZW",
      "Signature=0a", ("0a"):rep(32), "Bearer xy", "Credential=x",
    } do
      assert.is_truthy(secrets.find(text), text)
    end
    for _, text in ipairs { "k3y/of+", "Signature", "Bearer ***",
      "Credential=***", "'Bearer ' is put before the key for you" } do
      assert.is_nil(secrets.find(text), text)
    end
    assert.is_truthy(secrets.find(secrets.text_of { { [key] = 1 } }))
  end)
end)

describe("a service that sends the request back", function()
  for name in pairs(keys) do
    it("gets no secret into a failure: " .. name, function()
      for _, path in ipairs { "/echo-refused", "/echo-cut", "/echo-code" } do
        local events = {}
        local provider = at(name, path)
        local _, err = balance[provider](with(name, {
          endpoint = faults.endpoint(), cache = { ttl = 1 },
          trace = function(event) events[#events + 1] = event end,
        }))
        assert.equal("auth", err.kind)
        assert.matches("***", err.message .. err.code, 1, true)
        assert_clean { err, events, cjson.encode { err.message, err.code,
          err.request_id } }
      end
    end)
  end

  it("gets no piece of what was made for the request into a failure",
    function()
      balance.register {
        name = "made", unit = "credit", endpoint = faults.endpoint(),
        credentials = { { name = "api_key", variable = "MADE_API_KEY" } },
        request = function()
          return { path = "/echo-pieces", scheme = "Made",
            authorization = "0a1b2c3d4e5f60718293a4b5c6d7e8f9" }
        end,
        read = function(_, body)
          return nil, { kind = "auth", message = body.message,
            code = body.message, request_id = body.request_id,
            hint = body.message }
        end,
      }
      for _, name in ipairs { at("tencent", "/echo-pieces"), "made" } do
        local options = name == "made" and { api_key = "of-no-use" }
          or with "tencent"
        options.endpoint = faults.endpoint()
        local _, err = balance[name](options)
        assert.equal("auth", err.kind)
        for _, field in ipairs { "message", "code", "request_id", "hint" } do
          if err[field] then
            assert.is_nil(err[field]:find(("%x"):rep(8)), err[field])
          end
        end
        assert.matches("*** / *** / *** / *** / *** / *** / ***", err.message,
          1, true)
        assert.is_nil(tostring(err):find(("%x"):rep(8)))
      end
    end)

  it("gets none into what is said of a role that cannot be assumed",
    function()
      local base = keys.tencent
      faults.choose "echo-pieces"
      local set, why, about = require("balance.credentials.assumed_role").take(
        base, "a place",
        { arn = "qcs::cam::uin/1:roleName/r", session = "spec" },
        { loop = require "balance.loop.blocking", config = {}, asks = true,
          getenv = function() return faults.endpoint() end })
      faults.choose "none"
      assert.is_nil(set)
      assert.matches("***", why, 1, true)
      for _, field in ipairs { why, about.message, about.code,
        about.request_id } do
        assert.is_nil(field:find(("%x"):rep(8)), field)
      end
      assert_clean { why, about }
    end)

  it("gets no digits of a key into a code", function()
    local name = "numbered_key"
    balance.register {
      name = name, unit = "credit", endpoint = faults.endpoint(),
      credentials = { { name = "api_key", variable = "NUMBERED_API_KEY" } },
      request = function() return { path = "/none" } end,
      read = function()
        return nil, { kind = "auth", code = 918273645, message = 9182736455,
          request_id = 91827364 }
      end,
    }
    local _, err = balance[name] { api_key = "9182736455463728" }
    assert.is_nil(err.code)
    assert.equal("***", err.message)
    assert.equal("***", err.request_id)
  end)

  it("gets no signature into a store", function()
    local events = {}
    local store = balance.store.memory()
    local result = assert(balance[at("tencent", "/echo-signature")](
      with("tencent", {
        endpoint = faults.endpoint(), cache = { store = store },
        trace = function(event) events[#events + 1] = event.event end,
      })))
    assert.matches("^%x+$", result.Note)
    assert.equal("cache_error", events[#events])
    assert.is_nil(next(store.entries))
  end)

  it("gets it into a result, which is its answer, and into no store",
    function()
      local stored, events = {}, {}
      local provider = at("udio", "/echo-answer")
      local store = balance.store.memory()
      local set = store.set
      function store.set(self, ...)
        stored[#stored + 1] = table.concat({ ... }, " ")
        return set(self, ...)
      end
      local result = assert(balance[provider](with("udio", {
        endpoint = faults.endpoint(), cache = { store = store },
        trace = function(event) events[#events + 1] = event end,
      })))
      assert.matches(keys.udio.api_key, result.raw.echo, 1, true)
      for _, text in ipairs(stored) do
        assert.matches(":lock ", text, 1, true)
      end
      assert.equal("cache_error", events[#events].event)
      assert_clean(events)
    end)
end)

describe("an object of the module", function()
  -- Whatever can be reached from a value without the debug library.
  local function walk(value, seen)
    seen = seen or {}
    if value == nil or seen[value] then
      return ""
    end
    seen[value] = true
    local parts = { tostring(value) }
    local ok, metatable = pcall(getmetatable, value)
    parts[#parts + 1] = ok and type(value) ~= "string"
      and walk(metatable, seen) or ""
    if type(value) == "table" then
      for name, item in pairs(value) do
        parts[#parts + 1] = walk(name, seen) .. walk(item, seen)
      end
    elseif type(value) == "function" then
      ok, parts[#parts + 1] = pcall(string.dump, value)
      parts[#parts] = ok and parts[#parts] or ""
    elseif type(value) == "userdata" then
      for _, name in ipairs { "api_key", "headers", "authorization", "key" } do
        parts[#parts + 1] = tostring(value[name])
      end
    end
    return table.concat(parts, "\n")
  end

  it("shows no key: a client, a transfer, a transport, a result, a failure",
    function()
      local client = balance.new {
        udio = keys.udio, tempolor = keys.tempolor, tencent = keys.tencent,
        retries = 0, cache = {}, rate = 1000,
      }
      local results, failures = client:all()
      assert.is_truthy(results.udio and failures.tencent)
      local transport = core.transport()
      local transfer = assert(transport:start {
        endpoint = faults.endpoint(), path = "/none", timeout = 5,
        connect_timeout = 5, authorization = keys.udio.api_key,
        scheme = "Bearer",
      })
      for _, object in ipairs { client, client.udio, transport, transfer,
        results, failures, balance } do
        assert_clean(walk(object))
      end
      while not transfer:done() do
        transport:wait()
      end
      assert_clean(walk(transfer) .. walk(transfer:result()))
      transfer:close()
      assert_clean(walk(transfer))
      assert.equal("{}", cjson.encode(client))
      assert.equal("balance.client", getmetatable(client))
      assert_clean(cjson.encode(results))
    end)
end)

describe("what is kept of a key", function()
  it("is a digest, in a cache and in a rate limit", function()
    local dict = { values = {} }
    function dict.incr(_, key, by, init)
      dict.values[key] = (dict.values[key] or init) + by
      return dict.values[key]
    end
    function dict.get(_, key) return dict.values[key] end
    function dict.set(_, key, value) dict.values[key] = value return true end
    function dict.add(self, key, value) return self:set(key, value) end
    function dict.delete(self, key) return self:set(key) end
    local names = {}
    for _, key in ipairs { "key-number-1", "key-number-2" } do
      dict.values = {}
      balance.new({ rate_dict = dict, rate = 5, cache = { store = dict } })
        .udio { api_key = key }
      local list = {}
      for name, value in pairs(dict.values) do
        assert.matches("^balance:[%w:]+:" .. ("%x"):rep(64), name)
        assert.is_nil((name .. tostring(value)):find("key-numb", 1, true))
        list[#list + 1] = name
      end
      table.sort(list)
      assert.is_true(#list >= 3) -- a turn, its token, and a record
      assert.not_equal(names[1], list[1])
      names = list
    end
    assert.equal(core.digest "abc", core.digest("a", "", "bc"))
  end)
end)

describe("a process that calls", function()
  -- Its keys come from a file, so that nothing but the module could show them.
  it("says nothing by itself, starts no other, and has no key among its"
    .. " arguments", function()
    local path = os.tmpname()
    process.write(path, keys.udio.api_key)
    local output, status = process.run_lua([[
      local file = assert(io.open(arg[1]))
      local key = file:read "*a"
      file:close()
      local balance = require "balance"
      for _, change in ipairs { { endpoint = "https://127.0.0.1:1" },
        { ca_file = "LICENSE" }, { api_key = key .. "x" }, {},
        { proxy = "http://127.0.0.1:1" }, { timeout = 1e-3 } } do
        change.api_key, change.retries = change.api_key or key, 0
        balance.udio(change)
      end
      file = assert(io.open "/proc/self/cmdline")
      local arguments = file:read "*a"
      file:close()
      assert(not arguments:find(key, 1, true), "an argument")
      file = assert(io.open "/proc/thread-self/children")
      assert(file:read "*a" == "", "a child")
      file:close()
    ]], "", path)
    os.remove(path)
    assert.equal("0 ", status .. " " .. output)
  end)
end)

describe("nginx #nginx", function()
  it("logs no secret at level debug, whatever goes wrong", function()
    local server = nginx.start {
      workers = 1,
      main = "error_log debug.log debug;",
      locations = { ["= /calls"] = [[
        for _, name in ipairs { "tempolor", "udio", "tencent" } do
          for _, change in ipairs { { endpoint = "https://127.0.0.1:1" },
            { ca_file = "/no/such/file" }, { proxy = "http://127.0.0.1:1" },
            { timeout = 1e-3 }, {}, { cache = { store = ngx.shared.notes } } }
          do
            change.retries = 0
            local _, err = balance[name](change)
            if err then
              ngx.log(ngx.WARN, tostring(err))
            end
          end
        end
        ngx.print "done"
      ]] },
    }
    assert.equal("done", server:get "/calls")
    local log = server:log() .. process.read(server.dir .. "/debug.log")
    assert.matches("connect", log)
    assert_clean(log)
    assert_clean(server:get "/notes")
    nginx.finish()
  end)
end)
