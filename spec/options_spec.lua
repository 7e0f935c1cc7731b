-- SPDX-License-Identifier: MIT
-- What a caller gives: a mistake of the program is raised where it stands,
-- what the world put into a string is returned.
local balance = require "balance"
local faults = require "spec.support.faults"
local memory = require "balance.store.memory"
local options = require "balance.options"
local process = require "spec.support.process"
local schema = require "balance.schema"

-- What a function raises, without the place; nil where it does not.
local function raised(body)
  local ok, message = pcall(body)
  return not ok and message:gsub("^[^:]*:%d+: ", "") or nil
end

-- One for each mistake: what is given, and what is said about it.
local nan, huge = 0 / 0, math.huge
local mistakes = {
  { { timeout = -1 }, "option 'timeout' must be more than 0" },
  { { timeout = 0 }, "option 'timeout' must be more than 0" },
  { { timeout = 1e9 }, "and at most 86400 seconds" },
  { { timeout = huge }, "option 'timeout' must be" },
  { { timeout = nan }, "option 'timeout' must be" },
  { { connect_timeout = 0 }, "option 'connect_timeout' must be" },
  { { retries = 99 }, "option 'retries' must be a whole number from 0 to 10" },
  { { retries = -1 }, "option 'retries' must be" },
  { { retries = 1.5 }, "option 'retries' must be" },
  { { retries = nan }, "option 'retries' must be" },
  { { rate = true }, "option 'rate' must be a number of more than 0" },
  { { rate = -1 }, "option 'rate' must be" },
  { { rate = 0 }, "option 'rate' must be" },
  { { rate = nan }, "option 'rate' must be" },
  { { rate = huge }, "option 'rate' must be" },
  { { cache = true }, "option 'cache' must be a table, or false" },
  { { cache = { ttl = -1 } }, "cache setting 'ttl' must be more than 0" },
  { { cache = { ttl = 0 } }, "cache setting 'ttl' must be more than 0" },
  { { cache = { ttl = "1" } }, "cache setting 'ttl' must be a number" },
  { { cache = { stale = -1 } }, "cache setting 'stale' must be 0" },
  { { cache = { stale = nan } }, "cache setting 'stale' must be 0" },
  { { cache = { refresh_timeout = 0 } },
    "cache setting 'refresh_timeout' must be more than 0" },
  { { cache = { refresh_timeout = nan } },
    "cache setting 'refresh_timeout' must be more than 0" },
  { { cache = { stale_first = 1 } },
    "cache setting 'stale_first' must be a boolean" },
  { { cache = { tll = 1 } },
    "unknown cache setting 'tll'; did you mean 'ttl'?" },
  { { cache = { store = {} } }, "cache setting 'store' must be a store" },
  { { cache = { store = 1 } }, "cache setting 'store' must be a table" },
  { { cache = { dict = 1 } }, "cache setting 'dict' must be a string" },
  { { cache = { dict = "x" } }, "cache setting 'dict' needs a lua_shared_dict,"
    .. " and there is no nginx here" },
  { { endpoint = {} }, "must be a string or a plain list of them" },
  { { endpoint = { 1 } }, "must be a string or a plain list" },
  { { endpoint = { "a", [3] = "c" } }, "must be a string or a plain list" },
  { { endpoint = { "a", b = "c" } }, "must be a string or a plain list" },
  { { endpoint = setmetatable({}, { __index = { "a" } }) },
    "must be a string or a plain list" },
  { { endpoint = 1 }, "'endpoint' must be a string or a table" },
  { { trace = {} }, "'trace' must be a function, not a table" },
  { { credentials = {} }, "'credentials' must be a function" },
  { { api_kye = "x" }, "unknown option 'api_kye'; did you mean 'api_key'?" },
  { { apiKey = "x" }, "did you mean 'api_key'?" },
  { { ["API-KEY"] = "x" }, "did you mean 'api_key'?" },
  { { retrys = 1 }, "did you mean 'retries'?" },
  { { timout = 1 }, "did you mean 'timeout'?" },
  { { nothing_like_it = 1 }, "unknown option 'nothing_like_it'$" },
  { { [1] = "x" }, "unknown option '1'$" },
  { { [true] = "x" }, "unknown option 'true'$" },
  { { ["a\nb" .. ("x"):rep(1e6)] = 1 },
    "unknown option 'a?b" .. ("x"):rep(29) .. "'$" },
}

-- Plain, but for a "$" at the end, which is the end of a line.
local function says(message, expected)
  if expected:sub(-1) == "$" then
    expected = expected:sub(1, -2)
    return message:sub(-#expected) == expected
  end
  return message:find(expected, 1, true) ~= nil
end

describe("A mistake", function()
  it("in the options is raised at the caller's line", function()
    for _, mistake in ipairs(mistakes) do
      local line = debug.getinfo(1, "l").currentline + 2
      local ok, message = pcall(function()
        local result = balance.udio(mistake[1])
        return result
      end)
      assert.is_false(ok, mistake[2])
      assert.is_true(says(message, mistake[2]), message)
      assert.matches("options_spec.lua:" .. line .. ": balance.udio: ",
        message, 1, true)
    end
    assert.matches("option 'site' must be 'intl' or 'cn'", raised(function()
      balance.tencent { site = "mars" }
    end), 1, true)
  end)

  it("in a provider's options is raised by balance.new", function()
    for _, mistake in ipairs(mistakes) do
      local line = debug.getinfo(1, "l").currentline + 2
      local ok, message = pcall(function()
        local client = balance.new { udio = mistake[1] }
        return client
      end)
      assert.is_false(ok, mistake[2])
      assert.is_true(says(message, mistake[2]), message)
      assert.matches("options_spec.lua:" .. line .. ": balance.new: udio: ",
        message, 1, true)
    end
  end)

  it("in the settings is raised by balance.new", function()
    for _, mistake in ipairs {
      { { timeout = -1 }, "setting 'timeout' must be more than 0" },
      { { retries = 99 }, "setting 'retries' must be" },
      { { rate = -1 }, "setting 'rate' must be" },
      { { cache = { ttl = -1 } }, "cache setting 'ttl' must be" },
      { { loop = "xx" }, "unknown loop 'xx'" },
      { { loop = "luvv" }, "did you mean 'luv'?" },
      { { loop = {} }, "a loop must have a function" },
      { { loop = 1 }, "setting 'loop' must be a string or a table" },
      { { rate_dict = {} }, "setting 'rate_dict' must be an ngx.shared.DICT" },
      { { rate_dict = "x" }, "setting 'rate_dict' needs a lua_shared_dict" },
      { { udi = {} }, "unknown setting 'udi'; did you mean 'udio'?" },
      { { udio = "key" }, "setting 'udio' must be a table, not a string" },
      { { api_key = "k" }, "unknown setting 'api_key'" },
      { { tencent = { site = "xx" } },
        "tencent: option 'site' must be 'intl' or 'cn'" },
    } do
      local message = raised(function() balance.new(mistake[1]) end)
      assert.is_string(message, mistake[2])
      assert.matches(mistake[2], message, 1, true)
    end
  end)

  it("in an account is raised before anything is asked", function()
    for _, mistake in ipairs(mistakes) do
      local given = { provider = "udio" }
      for name, value in pairs(mistake[1]) do
        given[name] = value
      end
      assert.is_true(says(raised(function()
        balance.all { tempolor = {}, a = given }
      end), mistake[2]), mistake[2])
    end
    assert.equal("balance.all: a: unknown provider 'udoi'; did you mean "
      .. "'udio'?", raised(function()
        balance.all { a = { provider = "udoi" } }
      end))
  end)

  it("in the options of a store is raised", function()
    for _, mistake in ipairs {
      { function() balance.store.memory { mx = 1 } end,
        "unknown option 'mx'; did you mean 'max'?" },
      { function() balance.store.memory { max = 0 } end, "'max' must be" },
      { function() balance.store.memory { max = "1" } end, "'max' must be" },
      { function() balance.store.memory(1) end, "options must be a table" },
      { function() balance.store.redis() end, "a client must be" },
      { function() balance.store.redis("x") end, "a client must be" },
      { function() balance.store.redis({}, { prefix = 1 }) end,
        "'prefix' must be a string" },
      { function() balance.store.redis({}, { prefx = "x" }) end,
        "did you mean 'prefix'?" },
    } do
      local message = raised(mistake[1])
      assert.is_string(message, mistake[2])
      assert.matches(mistake[2], message, 1, true)
    end
  end)
end)

describe("The table of options", function()
  it("has for each its types, a line about it, and a default that it would"
    .. " take", function()
    for name, option in pairs(options.all) do
      assert.is_string(option[1], name)
      assert.is_string(option.doc, name)
      assert.is_true(not option.scope or option.scope == "provider"
        or option.scope == "client", name)
      if option.default ~= nil then
        assert.same({ [name] = option.default }, schema.read("option",
          { [name] = option.default }, { [name] = option }))
      end
    end
  end)

  it("says which of them a cache tells calls apart by", function()
    local other = {
      timeout = 9, connect_timeout = 4, retries = 1, rate = 50,
      trace = function() end, proxy = "", http2 = true,
      ca_file = "/." .. os.getenv "SSL_CERT_FILE", ca_path = "/no/such",
      endpoint = { os.getenv "UDIO_ENDPOINT", "https://localhost:1" },
      credentials = function()
        return { api_key = os.getenv "UDIO_API_KEY" }
      end,
    }
    for name, option in pairs(options.all) do
      if option.scope ~= "client" then
        local store = memory.new()
        local given = { cache = { store = store } }
        assert.is_table(balance.udio(given))
        given.cache = { store = store, ttl = 60 }
        given[name] = other[name] or given[name]
        assert.is_not_nil(given[name], name)
        local result = balance.udio(given)
        assert.equal(option.identity == false,
          (result and result.cached) == true, name)
      end
    end
  end)
end)

describe("What a string contains", function()
  it("is returned as config, of a client's settings at the call", function()
    for _, given in ipairs {
      { api_key = "a\nb" }, { endpoint = "https://a\tb" },
      { endpoint = { "https://a", "a\0b" } }, { proxy = "http://\r" },
      { ca_file = "/no\n" }, { ca_path = ("p"):rep(20000) },
      { endpoint = "ftp://example.com" }, { proxy = ("x"):rep(20000) },
    } do
      local client = balance.new { udio = given }
      for _, result in ipairs { { balance.udio(given) },
        { client:udio() } } do
        assert.is_nil(result[1])
        assert.equal("config", result[2].kind)
      end
    end
  end)

  it("of a variable is told by the variable's name", function()
    local function failure_with(variable, value)
      return (process.run_lua(
        'print(select(2, require("balance").udio { api_key = "xyzzy" }))',
        variable .. "=" .. process.quote(value)))
    end
    for variable, value in pairs {
      UDIO_ENDPOINT = "https://a\1b", SSL_CERT_FILE = "/a\1b",
      SSL_CERT_DIR = "/a\1b",
    } do
      local setting = variable == "SSL_CERT_DIR" and "SSL_CERT_FILE= " or ""
      assert.matches("config: " .. variable .. " has a control character",
        failure_with(setting .. variable, value), 1, true)
    end
    assert.matches("config: UDIO_ENDPOINT: http:// is for loopback",
      failure_with("UDIO_ENDPOINT", "http://example.com"), 1, true)
  end)

  it("of a variable has what a file of variables left cut off", function()
    for variable, after in pairs { UDIO_ENDPOINT = " \t\r",
      SSL_CERT_FILE = "\r", UDIO_API_KEY = "\r\n" } do
      assert.equal("195\n", (process.run_lua(
        'local r, e = require("balance").udio() print(r and r.available or e)',
        variable .. "="
          .. process.quote(" " .. assert(os.getenv(variable)) .. after))))
    end
  end)
end)

describe("A table with a metatable", function()
  -- However a table shows its fields, all are taken.
  local function behind_index(fields)
    return setmetatable({}, { __index = fields })
  end
  local function behind_function(fields)
    return setmetatable({}, { __index = function(_, name)
      return fields[name]
    end })
  end
  local function locked(fields)
    return setmetatable({}, { __index = fields, __metatable = false })
  end
  local ways = { behind_index, behind_function, locked }

  it("is taken whole, as options, settings and an account", function()
    for _, way in ipairs(ways) do
      for name, value in pairs {
        ca_file = "/no/such", endpoint = "http://example.com",
        api_key = "other",
      } do
        local given = way { [name] = value }
        local _, err = balance.udio(given)
        assert.is_not_nil(err, name)
        _, err = balance.new({ udio = given }):udio()
        assert.is_not_nil(err, name)
        _, err = balance.all { a = way { provider = "udio", [name] = value } }
        assert.is_not_nil(err.a, name)
      end
      assert.is_not_nil(select(2,
        balance.new(way { ca_file = "/no/such" }):udio()))
    end
  end)

  it("does not hide a proxy", function()
    for _, way in ipairs(ways) do
      local given = { proxy = "http://127.0.0.1:1", retries = 0 }
      assert.equal("connect", select(2, balance.udio(way(given))).kind)
      assert.equal("connect", select(2, balance.new(way(given)):udio()).kind)
      assert.equal("connect",
        select(2, balance.new({ udio = way(given) }):udio()).kind)
    end
  end)

  it("has its mistakes raised too", function()
    for _, way in ipairs(ways) do
      assert.matches("'timeout' must be", raised(function()
        balance.udio(way { timeout = -1 })
      end), 1, true)
      assert.matches("'ttl' must be", raised(function()
        balance.udio { cache = way { ttl = -1 } }
      end), 1, true)
    end
  end)

  it("as settings of a cache is taken whole", function()
    local store = memory.new()
    local cache = behind_index { ttl = 30, store = store }
    assert.is_table(balance.udio { cache = cache })
    assert.is_true(balance.udio({ cache = { store = store } }).cached)
  end)

  it("is refused as accounts, whose names it would hide", function()
    for _, way in ipairs(ways) do
      assert.matches("shows all of its names", raised(function()
        balance.all(way { udio = {} })
      end), 1, true)
    end
  end)
end)

describe("An option that is a table", function()
  setup(function()
    balance.register {
      name = "shapes", unit = "credit", endpoint = faults.endpoint(),
      credentials = {}, options = { shape = "table" },
      request = function() return { path = "/none" } end,
      read = function() return nil, { kind = "api", message = "asked" } end,
    }
  end)

  it("is a mistake where its end cannot be seen, with a cache or without",
    function()
      local cyclic = {}
      cyclic.itself = { cyclic }
      local many, deep = {}, {}
      for i = 1, 300000 do
        many[i] = i
      end
      local innermost = deep
      for _ = 1, 100 do
        innermost[1] = {}
        innermost = innermost[1]
      end
      for _, shape in ipairs { cyclic, many, deep, { print },
        { [{}] = 1 }, setmetatable({}, { __index = { 1 } }),
        { inner = setmetatable({}, { __pairs = next }) } } do
        for _, cache in ipairs { false, { ttl = 1 } } do
          local line = debug.getinfo(1, "l").currentline + 2
          local ok, message = pcall(function()
            local result = balance.shapes { shape = shape, cache = cache }
            return result
          end)
          assert.is_false(ok)
          assert.matches("options_spec.lua:" .. line
            .. ": balance.shapes: option 'shape' must hold strings", message,
            1, true)
        end
      end
    end)

  it("is taken where it is plain, falsehoods included", function()
    local _, err = balance.shapes { shape = { a = false, { 1, "b" } },
      cache = { ttl = 1 } }
    assert.equal("asked", err.message)
  end)

  it("cannot be a function, which no cache can tell from another", function()
    assert.matches("option 'sign': unknown type 'function'", raised(function()
      balance.register {
        name = "signs", unit = "credit", endpoint = faults.endpoint(),
        credentials = {}, options = { sign = "function" },
        request = function() end, read = function() end,
      }
    end), 1, true)
  end)
end)
