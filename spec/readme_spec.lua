-- SPDX-License-Identifier: MIT
--
-- What the README, the CHANGELOG and the rockspec say is what the code does.
local balance = require "balance"
local copas = require "support.copas"
local core = require "balance.core"
local failure = require "balance.failure"
local limiter = require "balance.limiter"
local configs = require "balance.config"
local options = require "balance.options"
local process = require "support.process"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local readme = assert(process.read "README.md")

-- The services that are built in; other specs may register theirs.
local providers = {}
for _, name in ipairs { "tempolor", "udio", "tencent" } do
  providers[name] = require("balance.provider." .. name)
end

-- The one of its kind that a text has.
local function only(text, pattern)
  local found, position = text:match(pattern .. "()")
  assert.is_not_nil(found, "there is no " .. pattern)
  assert.is_nil(text:match(pattern, position), "there are two " .. pattern)
  return found
end

-- A part of the README, from its heading to the next of any level.
local function section(heading)
  local from = select(2, readme:find("\n#+ " .. heading .. "\n"))
  assert.is_not_nil(from, "there is no heading " .. heading)
  return readme:sub(from, (readme:find("\n#", from, true)))
end

-- The rows of the tables in a text: for each, the names in code quotes of the
-- first cell, and the other cells.
local function rows(text)
  local found = {}
  for line in text:gmatch("\n| (`[^\n]+) |") do
    local cells = {}
    for cell in (line .. "|"):gmatch("%s*(.-)%s*|") do
      cells[#cells + 1] = cell
    end
    for name in cells[1]:gmatch("`([^`]+)`") do
      found[name] = cells
    end
  end
  return found
end

local function names(...)
  local all = {}
  for _, set in ipairs { ... } do
    for name in pairs(set) do
      all[#all + 1] = name
    end
  end
  table.sort(all)
  return all
end

-- The names and types of a schema.
local function declared(schema)
  local found = {}
  for name, rule in pairs(schema) do
    found[name] = rule[1]
  end
  return found
end

-- The fields that a class has in its LuaLS comment.
local function fields_of(path, class)
  local text = assert(process.read(path))
  local found, last = {}, nil
  for line in text:gmatch("[^\n]+") do
    last = line:match("^%-%-%-@class (%S+)") or last
    local name = line:match("^%-%-%-@field ([%w_]+)")
    if name and last and last:gsub(":$", "") == class then
      found[name] = true
    end
  end
  assert.is_not_nil(next(found), class)
  return found
end

-- The names in code quotes of a text.
local function quoted(text)
  local found = {}
  for name in text:gmatch("`([%w_]+)`") do
    found[name] = true
  end
  return found
end

-- The numbers of a line of a module, such as "local a, b = 1, 2".
local function constants(module, left)
  local text = assert(process.read("lua/balance/" .. module .. ".lua"))
  local found = {}
  for number in only(text, left .. " = ([%d., ]*%d)"):gmatch("[%d.]+") do
    found[#found + 1] = number
  end
  return unpack(found)
end

local function says(heading, pattern, ...)
  local text = section(heading):gsub("%s+", " ")
  local sentence = pattern:format(...)
  assert.is_not_nil(text:find(sentence, 1, true), sentence)
end

-- Every source file under lua/, as one text.
local function sources()
  return (process.run "find lua -name '*.lua' -exec cat {} +")
end

describe("the README's Lua", function()
  local line = 1
  for before, code in readme:gmatch("(.-)\n```lua\n(.-)\n```") do
    line = line + select(2, before:gsub("\n", "")) + 2

    -- The worked provider's service is played by Udio's stand-in. A build
    -- with poll has no descriptor to show copas.
    local is_copas = code:find('require "copas"', 1, true)
    local run_it = is_copas and not (core.transport():fd()
      and copas.is_whole()) and pending or it
    run_it(("does what it says, from line %d #matrix"):format(line), function()
      local output, status = process.run_lua(code,
        'ACME_ENDPOINT="$UDIO_ENDPOINT" ACME_API_KEY="$UDIO_API_KEY" '
          .. copas.setting)
      assert.equal(0, status, output)
      local expected = {}
      for text in code:gmatch("%-%-> ([^\n]+)") do
        expected[#expected + 1] = text .. "\n"
      end
      if #expected > 0 then
        assert.equal(table.concat(expected), (output:gsub("\t", " ")))
      end
    end)

    line = line + select(2, code:gsub("\n", "")) + 2
  end

  it("is there", function()
    assert.is_true(line > 1)
  end)
end)

describe("the README", function()
  it("names every public function", function()
    local functions = { ["tc3.sign"] = true }
    for name, value in pairs(balance) do
      if type(value) == "function" then
        functions[name] = true
      end
    end
    for name in pairs(balance.store) do
      functions["store." .. name] = true
    end
    for name in pairs(functions) do
      assert.is_not_nil(readme:find("balance." .. name .. "(", 1, true), name)
    end
  end)

  it("has each option in its table with its type, and none that does not"
    .. " exist", function()
    local known = declared(options.shared)
    for name, types in pairs(declared(options.of_provider)) do
      known[name] = types
    end
    for _, provider in pairs(providers) do
      for _, credential in ipairs(provider.credentials) do
        known[credential.name] = "string"
      end
      for name, types in pairs(provider.options or {}) do
        known[name] = type(types) == "table" and "string" or types
      end
    end
    local documented = rows(section "Options and environment")
    assert.same(names(known), names(documented))
    local words = { ["table boolean"] = "table, `false`",
      ["number boolean"] = "number, `false`",
      ["string table"] = "string, list" }
    for name, types in pairs(known) do
      assert.equal(words[types] or types:gsub(" ", ", "), documented[name][2],
        name)
    end
  end)

  it("says which options a provider alone has", function()
    local own = {}
    for name, provider in pairs(providers) do
      for _, credential in ipairs(provider.credentials) do
        own[credential.name] = (own[credential.name] or "") .. " " .. name
      end
      for option in pairs(provider.options or {}) do
        own[option] = (own[option] or "") .. " " .. name
      end
    end
    local documented = rows(section "Options and environment")
    for option, cells in pairs(documented) do
      assert.equal(own[option] == nil, cells[3]:find("^all") ~= nil, option)
      for name in (own[option] or ""):gmatch("%S+") do
        assert.is_not_nil(cells[3]:find(name, 1, true), option)
      end
    end
  end)

  it("has each setting that is a client's alone", function()
    assert.same(names(declared(options.of_client)),
      names(rows(section "balance%.new%(settings%)")))
  end)

  it("has the default of each number", function()
    local config = configs.base(providers.udio, {}).config
    local documented = rows(section "Options and environment")
    for _, name in ipairs { "timeout", "connect_timeout", "retries" } do
      assert.equal(tostring(config[name]), documented[name][4])
    end
    assert.equal(("%d for tencent, else `%s`"):format(limiter.rate,
      tostring(config.rate)), documented.rate[4])
    assert.equal("`" .. tostring(config.cache or false) .. "`",
      documented.cache[4])
  end)

  it("names every environment variable beside its option", function()
    local count = 0
    local table_of_options = section "Options and environment"
    local function check(name)
      count = count + 1
      assert.is_not_nil(table_of_options:find("`" .. name .. "`", 1, true),
        name)
    end
    local text = sources()
    for name in text:gmatch('"(%u[%u%d]*_[%u%d_]+)"') do
      check(name)
    end
    for name in text:gmatch('getenv%(? ?"(%u+)"') do -- without an underscore
      check(name)
    end
    assert.is_true(count >= 14)

    local documented = rows(table_of_options)
    for _, provider in pairs(providers) do
      assert.is_not_nil(documented.endpoint[5]:find(
        "`" .. provider.endpoint_variable .. "`", 1, true))
      for _, credential in ipairs(provider.credentials) do
        local variables = credential.variable
        for _, name in ipairs(type(variables) == "table" and variables
          or { variables }) do
          assert.is_not_nil(documented[credential.name][5]:find(
            "`" .. name .. "`", 1, true), name)
        end
      end
    end
  end)

  it("has each kind of a failure, and whether asking again helps",
    function()
      local documented = {}
      for name, cells in pairs(rows(section "Failures")) do
        if cells[2] == "yes" or cells[2] == "no" then
          documented[name] = cells[2] == "yes"
        end
      end
      assert.same(failure.kinds, documented)
    end)

  it("says what the services' codes mean as the providers do", function()
    local read = {
      tempolor = function(code)
        return { status = tonumber(code) }
      end,
      udio = function(code)
        return { code = tonumber((code:gsub("xx", "02"))) }
      end,
      tencent = function(code)
        return { Response = { Error = { Code = code:gsub("%*", ".Some") } } }
      end,
    }
    local documented, count = rows(section "Failures"), 0
    for name, body in pairs(read) do
      for column, kind in ipairs { "auth", "rate_limit", "api" } do
        for code in documented[name][column + 1]:gmatch "[%w*]+" do
          if code:find("%d") or name == "tencent" then
            local _, failed = providers[name].read(200, body(code))
            local retryable = failed.retryable
            if code == "501" or code == "505" then
              assert.is_false(retryable)
            elseif column == 3 then
              assert.is_true(retryable)
            end
            assert.equal(kind, failed.kind, code)
            count = count + 1
          end
        end
      end
    end
    assert.equal(19, count)
  end)

  it("has each field of a failure", function()
    local documented = rows(section "Failures")
    for name in pairs(fields_of("lua/balance/failure.lua",
      "balance.Failure")) do
      assert.is_not_nil(documented[name], name)
    end
  end)

  it("has each field of a result", function()
    local headings = {
      Result = "Every result",
      TempolorResult = "balance%.tempolor%(options%)",
      UdioResult = "balance%.udio%(options%)",
      TencentResult = "balance%.tencent%(options%)",
    }
    local text = assert(process.read "lua/balance/init.lua")
    for class, heading in pairs(headings) do
      local documented = rows(section(heading))
      local fields = text:match("@class balance%." .. class .. "[^%w][^\n]*\n"
        .. "(.-)\n\n") or text:match("@class balance%." .. class
        .. "\n(.-)\n\n")
      for name in fields:gmatch("@field ([%w_]+)") do
        assert.is_not_nil(documented[name], class .. "." .. name)
      end
    end
    assert.same(fields_of("lua/balance/attempt.lua", "balance.Timing"),
      quoted(rows(section "Every result").timing[3]))
  end)

  it("has each setting of the cache with its default", function()
    local documented = rows(section "Cache")
    for name in pairs(fields_of("lua/balance/cache.lua",
      "balance.CacheSettings")) do
      assert.is_not_nil(documented[name], name)
    end
    local ttl, stale = process.read("lua/balance/cache.lua"):match(
      "local defaults = { ttl = (%d+), stale = (%d+) }")
    assert.equal(ttl, documented.ttl[3])
    assert.equal(stale, documented.stale[3])
    says("Cache", "is remembered for %s s", constants("cache",
      "local auth_ttl"))
    for method in pairs(fields_of("lua/balance/store/memory.lua",
      "balance.Store")) do
      assert.is_not_nil(section "Cache":find("`" .. method .. "(key", 1, true),
        method)
    end
  end)

  it("has the numbers of retries, rate and clock", function()
    says("Retries", "from 0 to %s s, doubling up to %s s",
      constants("retry", "local first, longest"))
    says("Retries", "a budget of %s tokens: a retry costs %s, after a timeout"
      .. " %s, and a result gives %s back",
      constants("retry", "local full, price, dear, reward"))
    says("Rate limit", "no more than %d requests a second", limiter.rate)
    says("A wrong clock", "at most %d hours off",
      constants("clock", "local farthest") / 3600)
    says("A role", "renewed when %s s or less are left",
      (constants("credentials/kept", "local early, pause, longest")))
    says("A role", "AssumeRole takes at most %s s, the metadata service %s s",
      require("balance.credentials.assumed_role").limit,
      require("balance.credentials.cvm_role").limit)
    says("A role", "for %s s",
      constants("credentials/assumed_role", "local duration"))
    says("Options and environment", "how often to ask [again](#retries), 0 to"
      .. " %s", constants("options", "local max_retries"))
    says("Options and environment", "retries included, at most %s",
      constants("options", "local max_seconds"))
  end)

  it("says which failures go to the next endpoint", function()
    local text = assert(process.read "lua/balance/failover.lua")
    local kinds = {}
    for kind in only(text, "local unreachable = (%b{})"):gmatch("(%l+) =") do
      kinds[kind] = true
    end
    assert.same(names(kinds), names((quoted(section "Failover"))))
  end)

  it("has each event of the trace, with the fields that it is given",
    function()
      local documented, known = rows(section "Trace"), {}
      local text = assert(process.read "lua/balance/trace.lua")
      for name in text:gmatch('%-%-%-| "([%l_]+)"') do
        known[name] = {}
      end
      assert.same(names(known), names(documented))

      local general = { event = true, provider = true, account = true }
      for fields in sources():gmatch("emit (%b{})") do
        local event = fields:match("event = ([^,]+)")
        for name in event:gmatch('"([%l_]+)"') do
          assert.is_not_nil(known[name], name)
          for field in fields:gmatch("([%l_]+) = ") do
            known[name][field] = not general[field] or nil
          end
        end
      end
      local every = {}
      for name, fields in pairs(known) do
        assert.is_not_nil(next(fields), name)
        assert.same(fields, quoted(documented[name][3]), name)
        for field in pairs(fields) do
          every[field] = true
        end
      end
      for field in pairs(fields_of("lua/balance/trace.lua",
        "balance.Event")) do
        assert.is_true(every[field] or general[field], field)
      end
      for field in pairs(general) do
        assert.is_true(quoted(section "Trace")[field], field)
      end
    end)

  it("has each field that balance.tc3.sign takes", function()
    local documented = rows(section "balance%.tc3%.sign%(request%)")
    local text = assert(process.read "lua/balance/tc3.lua")
    for name in text:gmatch("%-%-%-@field ([%l_0-9]+)") do
      assert.is_not_nil(documented[name], name)
    end
  end)

  it("says what is needed as the build does", function()
    local makefile = assert(process.read "Makefile")
    local packages = assert(process.read ".ci/packages")
    local install = section "Install"
    for library, words in pairs {
      libcurl = "libcurl (%d[%d.]*%d)", libcrypto = "OpenSSL (%d[%d.]*%d)",
    } do
      local version = only(makefile,
        "%-%-atleast%-version=([%d.]+) " .. library)
      assert.equal(version, packages:match("pc:" .. library .. ">=([%d.]+)"))
      assert.equal(version, (only(install:gsub("%s+", " "), words)))
    end
    for package in packages:gmatch("\nbuild +(%S+)") do
      assert.is_not_nil(install:find(package, 1, true), package)
    end
  end)

  it("names every target of the Makefile", function()
    local help, status = process.run "make -s help"
    assert.equal(0, status, help)
    local development = section "Development"
    for target in help:gmatch("(%l+) [^\n]*\n") do
      if help:find("\n" .. target .. " +") and target ~= "help" then
        assert.is_not_nil(development:find("`" .. target .. "`", 1, true),
          target)
      end
    end
  end)

  it("links to what is there", function()
    local anchors = {} -- as GitHub makes them
    for heading in readme:gmatch("\n#+ ([^\n]+)") do
      local anchor = heading:lower():gsub("[^%w _-]", ""):gsub(" ", "-")
      anchors["#" .. anchor] = true
    end
    for target in readme:gmatch("%]%(([^)]+)%)") do
      if target:find("^#") then
        assert.is_true(anchors[target], target)
      else
        assert.is_not_nil(process.read(target), target)
      end
    end
    for path in readme:gmatch("`([%l_]+/[%w_./]*%w)`") do
      if not path:find("^build/") then
        assert.is_not_nil(process.read(path), path)
      end
    end
  end)
end)

describe("the version", function()
  it("is the newest of the CHANGELOG", function()
    assert.equal(balance._VERSION,
      process.read("CHANGELOG.md"):match("\n## (%d+%.%d+%.%d+)"))
  end)
end)

describe("the rockspec", function()
  local rockspec = assert(process.read "balance-scm-1.rockspec")

  it("asks for what the README asks for", function()
    local install = section "Install":gsub("%s+", " ")
    assert.equal(only(rockspec, '"lua >= ([%d.]+)"'),
      install:match("Lua ([%d.]+),"))
    assert.equal(only(rockspec, '"lua%-cjson >= ([%d.]+)"'),
      install:match("lua%-cjson ([%d.]+),"))
    local text = rockspec:gsub("%s+", " ")
    for _, words in ipairs { "libcurl (%d[%d.]*%d)",
      "OpenSSL (%d[%d.]*%d)" } do
      assert.equal(only(install, words), text:match(words))
    end
  end)

  it("has the README's repository as source and homepage", function()
    local homepage = only(rockspec, 'homepage = "([^"]+)"')
    assert.equal("git+" .. homepage .. ".git",
      only(rockspec, ' url = "([^"]+)"'))
    assert.is_not_nil(readme:find("git clone " .. homepage .. ".git\n",
      1, true))
  end)

  it("has the licence that each source file has", function()
    local license = only(rockspec, ' license = "([^"]+)"')
    assert.is_not_nil(readme:find(license .. ", see [LICENSE]", 1, true))
    local without = process.run("grep -rLF 'SPDX-License-Identifier: "
      .. license .. "' lua src spec examples --include='*.lua'"
      .. " --include='*.[ch]'")
    assert.equal("", without)
  end)
end)
