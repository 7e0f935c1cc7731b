-- SPDX-License-Identifier: MIT
--
-- The files with keys of Tencent's SDKs and of its tccli, and who can read
-- them.
local core = require "balance.core"
local home = require "support.home"
local process = require "support.process"
local searching = require "support.searching"

local tencent_file = searching.with_sources "tencent_file"
local tccli_file = searching.with_sources "tccli_file"
local all = searching.all
local environment, find = searching.environment, searching.find
local ini, complete_ini = searching.ini, searching.complete_ini

-- The keys of a credentials file, or nil and why there are none.
local function of_ini(text, options, variables)
  home.write(ini, text)
  local set, message = find(tencent_file, { options },
    environment(variables or {}))
  return set, message:match "also looked at ~/%.tencentcloud/%l+ (%b())"
end

before_each(home.make)
after_each(home.remove)

describe("the credentials file of the SDKs", function()
  it("has a section for each profile", function()
    local text = complete_ini .. "[ prod ]\nsecret_id=I\nsecret_key=K\n"
      .. "token=T\n[default]\n\n"
    assert.same({ secret_id = "i", secret_key = "k" }, (of_ini(text)))
    local prod = { secret_id = "I", secret_key = "K", token = "T" }
    assert.same(prod, (of_ini(text, { profile = "prod" })))
    assert.same(prod, (of_ini(text, {}, { TENCENTCLOUD_PROFILE = "prod" })))
    assert.equal("i", of_ini(text, { profile = "default" },
      { TENCENTCLOUD_PROFILE = "prod" }).secret_id)
    assert.equal("i", of_ini(text, { profile = "" },
      { TENCENTCLOUD_PROFILE = "" }).secret_id)
  end)

  it("may have quotes, comments, blanks, CRLF and a byte order mark",
    function()
      for _, text in ipairs {
        '[default]\nsecret_id = "i"\nsecret_key=\'k\'',
        "# one\n; two\n\n[default] # three\n  secret_id\t=  i  \n"
          .. "\t; four\nSECRET_KEY: k ; five\nother = x = y\n",
        "\239\187\191[default]\r\nsecret_id = i\r\nsecret_key = \"k\"\r\n",
      } do
        assert.same({ secret_id = "i", secret_key = "k" },
          find(searching.plain, { (of_ini(text)) }))
      end
    end)

  it("that is broken is said to be, without a line of it", function()
    for text, why in pairs {
      ["secret_id = s3cr3t\n"] = "(no such profile)", -- it is in no section
      [complete_ini .. "s3cr3t"] = "(line 4 is no setting)",
      [complete_ini .. "[s3cr3t\n"] = "(line 4 is no setting)",
      ['[default]\nsecret_id = "s3cr3t\n'] = "(line 2 is no setting)",
      ["\0\1\2"] = "(no such profile)",
      [""] = "(no such profile)",
      ["[other]\nsecret_id = i\nsecret_key = k"] = "(no such profile)",
      ["[default]\nsecret_id = s3cr3t\nsecret_key = ''"] = "(no secret_key)",
      ["[default]\nsecret_key = s3cr3t"] = "(no secret_id)",
      ["[default]\nsecret_id = s3\1cr3t\nsecret_key = k"] =
        "('secret_id' has a control character)",
      [("#"):rep(65537)] = "(too large)",
    } do
      local set, said = of_ini(text)
      assert.is_nil(set)
      assert.equal(why, said)
    end
  end)

  it("is the user's, else the machine's, else the one that is named",
    function()
      local asked = {}
      local source = require "balance.credentials.tencent_file"
      local function look(options, variables, content)
        asked = {}
        local context = environment(variables)
        context.home = "/home/u"
        function context.read(path)
          asked[#asked + 1] = path
          return content[path], "not there"
        end
        return source.find(options, context)
      end
      local user, machine = "/home/u/.tencentcloud/credentials",
        "/etc/tencentcloud/credentials"
      local _, place = look({}, {}, { [user] = complete_ini })
      assert.equal("~/.tencentcloud/credentials", place)
      _, place = look({}, {}, { [machine] = complete_ini })
      assert.equal(machine, place)
      assert.same({ user, machine }, asked)
      -- an incomplete file is passed by
      _, place = look({}, {}, { [user] = "[default]\nsecret_id = i",
        [machine] = complete_ini })
      assert.equal(machine, place)

      local variables = { TENCENTCLOUD_CREDENTIALS_FILE = "/v" }
      local files = { ["/v"] = complete_ini, ["/o"] = complete_ini,
        [user] = complete_ini }
      _, place = look({}, variables, files)
      assert.equal("the file of TENCENTCLOUD_CREDENTIALS_FILE", place)
      _, place = look({ credentials_file = "/o" }, variables, files)
      assert.equal("the file of option 'credentials_file'", place)
      assert.same({ "/o" }, asked)
      -- the other files are not read
      local set, places = look({ credentials_file = "/none" }, {}, files)
      assert.is_nil(set)
      assert.equal("the file of option 'credentials_file' (/none: not there)",
        places)
      assert.same({ "/none" }, asked)
    end)

  it("comes after the environment and before tccli's", function()
    home.write(ini, complete_ini)
    home.write(".tccli/default.credential", '{"secretId":"c","secretKey":"c"}')
    assert.equal("e", find(all, {}, environment { SPEC_ID = "e",
      SPEC_KEY = "e" }).secret_id)
    local set, place = find(all)
    assert.equal("i", set.secret_id)
    assert.equal("~/.tencentcloud/credentials", place)
    -- an incomplete environment is not completed from the file
    assert.same({ secret_id = "i", secret_key = "k" }, (find(all, {},
      environment { SPEC_ID = "e", SPEC_TOKEN = "e" })))
    home.write(ini, "broken")
    set, place = find(all)
    assert.equal("c", set.secret_id)
    assert.equal("~/.tccli/default.credential", place)
  end)

  it("that cannot be read is passed by", function()
    for _, path in ipairs { home.path, home.path .. "/none/file/" } do
      local set, message = find(tencent_file, { { credentials_file = path } })
      assert.is_nil(set)
      assert.matches("%(" .. path:gsub("%p", "%%%0") .. ": %l+ %l+ ?%l*%)$",
        message)
    end
    local _, message = find(tencent_file, { { credentials_file = home.path } })
    assert.matches("(" .. home.path .. ": not a file)", message, 1, true)
  end)
end)

describe("the credentials file of tccli", function()
  local function of_json(text)
    home.write(".tccli/default.credential", text)
    local set, message = find(tccli_file)
    return set, message:match "also looked at ~/%.tccli/%l+%.%l+ (%b())$"
  end

  it("is JSON", function()
    local set, place = find(tccli_file)
    assert.is_nil(set)
    assert.matches("(not there)", place, 1, true)
    assert.same({ secret_id = "i", secret_key = "k" },
      (of_json '{"secretId":"i ","secretKey":"k","token":null}'))
    assert.same({ secret_id = "i", secret_key = "k", token = "t" },
      (of_json '{"secretId":"i","secretKey":"k","token":"t","x":1}'))
  end)

  it("is of a profile", function()
    for _, name in ipairs { "default", "option", "variable" } do
      home.write((".tccli/%s.credential"):format(name),
        ('{"secretId":"of-%s","secretKey":"k"}'):format(name))
    end
    local context = environment { TCCLI_PROFILE = "variable" }
    assert.equal("of-default", find(tccli_file).secret_id)
    local set, place = find(tccli_file, {}, context)
    assert.equal("of-variable", set.secret_id)
    assert.equal("~/.tccli/variable.credential", place)
    assert.equal("of-option", find(tccli_file, { { profile = "option" },
      { profile = "variable" } }, context).secret_id)
  end)

  it("does not leave its directory", function()
    home.write("default.credential", '{"secretId":"i","secretKey":"k"}')
    for _, profile in ipairs { "../default", "..", "a/b", "/", "..\\default",
      "a\nb", "a\0b" } do
      local set, message = find(tccli_file, { { profile = profile } })
      assert.is_nil(set)
      assert.matches("; also looked at ~/.tccli "
        .. "(the profile's name cannot be a file's)", message, 1, true)
    end
  end)

  it("that is broken is said to be, without a line of it", function()
    for text, why in pairs {
      ["s3cr3t"] = "(not JSON)",
      ['{"secretId":"s3cr3t"'] = "(not JSON)",
      ['"s3cr3t"'] = "(not JSON)",
      [""] = "(not JSON)",
      ["{}"] = "(no keys)",
      ['{"secretId":"s3cr3t"}'] = "('secret_key' is missing or empty)",
      ['{"secretId":5,"secretKey":"k"}'] =
        "('secret_id' is a number, not a string)",
      ['{"secretId":"s3\\ncr3t","secretKey":"k"}'] =
        "('secret_id' has a control character)",
    } do
      local set, said = of_json(text)
      assert.is_nil(set)
      assert.equal(why, said)
    end
  end)

  it("holds what `tccli auth login` left until that expires", function()
    local text = '{"secretId":"i","secretKey":"k","token":"t","expiresAt":%d}'
    assert.is_table((of_json(text:format(1001))))
    local set, said = of_json(text:format(1000))
    assert.is_nil(set)
    assert.equal("(expired)", said)
  end)
end)

describe("a file of keys that others can read", function()
  -- The warnings about a file with these permission bits, and its path.
  local function warnings(mode, provider)
    local said, path = {}, nil
    find(provider or tencent_file, {}, {
      read_file = function(of)
        local text, problem = process.read(of), "missing"
        path = of
        return text, text and tonumber(mode, 8) or problem
      end,
      warn = function(message) said[#said + 1] = message end,
    })
    return said, path
  end

  it("is warned of", function()
    home.write(ini, complete_ini)
    home.write(".tccli/default.credential", '{"secretId":"i","secretKey":"k"}')
    for _, mode in ipairs { "644", "640", "604", "440", "1777" } do
      local said, path = warnings(mode)
      assert.equal(home.path_of(ini), path)
      assert.same({ ("%s can be read by others (mode %s), use chmod 600"):
        format(path, mode) }, said)
    end
    assert.equal(1, #warnings("644", tccli_file))
    assert.is_table(find(tencent_file, {}, { -- without a `warn`
      read_file = function(of) return process.read(of), 420 end }))
  end)

  it("is not, where only its owner can", function()
    home.write(ini, complete_ini)
    for _, mode in ipairs { "600", "400", "700", "622", "611" } do
      assert.same({}, (warnings(mode)))
    end
    os.remove(home.path_of(ini))
    assert.same({}, (warnings "644"))
  end)

  it("is found by its real mode", function()
    local path = home.path_of(ini)
    home.write(ini, complete_ini)
    local said = 0
    local function search()
      find(tencent_file, {}, { read_file = core.read_file,
        warn = function() said = said + 1 end })
    end
    process.run("chmod 600 " .. path)
    search()
    assert.equal(0, said)
    process.run("chmod 640 " .. path)
    search()
    assert.equal(1, said)
  end)
end)
