{
  # The second build, for machines without CMake. Sources and ISA flags come from native/sources.json, which CMakeLists.txt
  # reads too; options and defines follow CMakeLists.txt. gyp has no flags per file, hence a library per ISA.
  "variables": {
    "openssl_fips": "",
    "enable_lto": "false"
  },
  "target_defaults": {
    "include_dirs": ["native"],
    "cflags": ["-fPIC"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-exceptions", "-fno-rtti", "-O2"],
    "cflags_cc": [
      "-std=c++17",
      "-O3",
      "-Wall",
      "-Wextra",
      "-ffp-contract=off",
      "-fno-math-errno",
      "-fvisibility=hidden",
      "-fvisibility-inlines-hidden",
      "-pthread"
    ],
    "conditions": [
      ["OS=='linux' and clang!=1", { "cflags_cc": ["-fno-gnu-unique"] }]
    ],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "GCC_OPTIMIZATION_LEVEL": "3",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
      "OTHER_CPLUSPLUSFLAGS": ["-ffp-contract=off", "-fno-math-errno"]
    },
    "msvs_settings": {
      "VCCLCompilerTool": {
        "AdditionalOptions": ["/std:c++17", "/fp:precise", "/utf-8", "/bigobj"],
        "WholeProgramOptimization": "false"
      }
    }
  },
  "targets": [
    {
      "target_name": "lanewise_core",
      "type": "static_library",
      "sources": ["<!@(node -p \"require('./native/sources.json').core.filter(f => !f.includes('/kernels/')).join(' ')\")"],
      "cflags_cc": ["-fexceptions"],
      "conditions": [
        ["OS=='linux'", { "cflags_cc": ["-include core/glibc_floor.h"] }]
      ],
      "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES" },
      "msvs_settings": { "VCCLCompilerTool": { "ExceptionHandling": 1 } }
    },
    {
      "target_name": "lanewise_scalar",
      "type": "static_library",
      "sources": ["<!@(node -p \"require('./native/sources.json').core.filter(f => f.includes('/kernels/')).join(' ')\")"],
      "cflags_cc": ["-fno-exceptions", "-fno-rtti"]
    },
    {
      "target_name": "lanewise",
      # The order is the linker's: who needs comes before who has.
      "dependencies": ["lanewise_core", "lanewise_scalar"],
      "sources": ["<!@(node -p \"require('./native/sources.json').addon.join(' ')\")"],
      "include_dirs": [
        "<!(node -p \"require('node-addon-api').include_dir\")",
        "<!(node -p \"require('node-api-headers').include_dir\")"
      ],
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_CPP_EXCEPTIONS_ALL",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_ADDON_API_REQUIRE_BASIC_FINALIZERS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
        "NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED"
      ],
      "cflags_cc": ["-fexceptions"],
      "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES" },
      "msvs_settings": { "VCCLCompilerTool": { "ExceptionHandling": 1 } },
      "conditions": [
        ["OS=='linux'", {
          "cflags_cc": ["-include core/glibc_floor.h"],
          "ldflags": [
            "-Wl,--exclude-libs,ALL",
            "-Wl,-z,relro,-z,now,-z,nodelete",
            "-Wl,--version-script=<(module_root_dir)/native/exports.map",
            "-pthread"
          ]
        }],
        ["target_arch=='x64'", { "dependencies": ["lanewise_amx", "lanewise_avx2", "lanewise_avx512"] }],
        ["target_arch=='arm64'", { "dependencies": ["lanewise_neon"] }]
      ]
    }
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "lanewise_avx2",
          "type": "static_library",
          "sources": ["<!@(node -p \"require('./native/sources.json').kernels.avx2.sources.join(' ')\")"],
          "cflags_cc": ["-fno-exceptions", "-fno-rtti", "<!@(node -p \"require('./native/sources.json').kernels.avx2.flags.join(' ')\")"],
          "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["<!@(node -p \"require('./native/sources.json').kernels.avx2.flags.join(' ')\")"] },
          "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/arch:AVX2"] } }
        },
        {
          "target_name": "lanewise_avx512",
          "type": "static_library",
          "sources": ["<!@(node -p \"require('./native/sources.json').kernels.avx512.sources.join(' ')\")"],
          "cflags_cc": ["-fno-exceptions", "-fno-rtti", "<!@(node -p \"require('./native/sources.json').kernels.avx512.flags.join(' ')\")"],
          "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["<!@(node -p \"require('./native/sources.json').kernels.avx512.flags.join(' ')\")"] },
          "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/arch:AVX512"] } }
        },
        {
          "target_name": "lanewise_amx",
          "type": "static_library",
          "sources": ["<!@(node -p \"require('./native/sources.json').kernels.amx.sources.join(' ')\")"],
          "cflags_cc": ["-fno-exceptions", "-fno-rtti", "<!@(node -p \"require('./native/sources.json').kernels.amx.flags.join(' ')\")"],
          "xcode_settings": { "OTHER_CPLUSPLUSFLAGS": ["<!@(node -p \"require('./native/sources.json').kernels.amx.flags.join(' ')\")"] },
          "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/arch:AVX512"] } }
        }
      ]
    }],
    ["target_arch=='arm64'", {
      "targets": [
        {
          "target_name": "lanewise_neon",
          "type": "static_library",
          "sources": ["<!@(node -p \"require('./native/sources.json').kernels.neon.sources.join(' ')\")"],
          "cflags_cc": ["-fno-exceptions", "-fno-rtti"]
        }
      ]
    }]
  ]
}
